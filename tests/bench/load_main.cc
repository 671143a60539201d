// bench_load: the load and its server, for tests/bench/compare and for people.
//
//   bench_load pingpong --connections 64 --seconds 2                    its own server, no proxy
//   bench_load serve --listen 127.0.0.1:7000                            only the server, until
//   stdin ends bench_load connect --target 127.0.0.1:8000 --connections 64         through
//   something in between
//
// Prints one line of JSON for a run. Exit code: 0 done, 1 the work failed, 2 wrong usage.
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/address.h"
#include "base/assert.h"
#include "base/cpu.h"
#include "base/fd.h"
#include "tests/bench/bulk.h"
#include "tests/bench/connect_exchange.h"
#include "tests/bench/echo_server.h"
#include "tests/bench/idle.h"
#include "tests/bench/load.h"
#include "tests/bench/ping_pong.h"
#include "tests/bench/socket.h"

namespace {

using bench::EchoServer;
using bench::LoadOptions;
using bench::Outcome;

struct Arguments {
  std::string mode;
  std::string target;
  std::string listen = "127.0.0.1:0";
  int cpu = -1;
  LoadOptions load;
};

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// Above the measured time, before SIGALRM ends a run that hangs: connecting 10,000 sessions, two
// waits for the driver, kGrace twice.
constexpr double kAlarmSlackSeconds = 180;

std::unique_ptr<bench::Load> make_load(const Arguments& arguments) {
  if (arguments.mode == "pingpong") return std::make_unique<bench::PingPong>(arguments.load);
  if (arguments.mode == "connect") return std::make_unique<bench::ConnectExchange>(arguments.load);
  if (arguments.mode == "bulk-up")
    return std::make_unique<bench::Bulk>(arguments.load, bench::BulkDirection::kUp);
  if (arguments.mode == "bulk-down")
    return std::make_unique<bench::Bulk>(arguments.load, bench::BulkDirection::kDown);
  return std::make_unique<bench::Idle>(arguments.load);
}

double to_microseconds(base::Nanos time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

// Throughput is operations a second, and for bulk also gigabits a second.
void print_outcome(const Arguments& arguments, const Outcome& outcome) {
  const auto& load = arguments.load;
  nlohmann::ordered_json line;
  line["mode"] = arguments.mode;
  line["connections"] = load.connections;
  if (arguments.mode == "pingpong" || arguments.mode == "connect")
    line["message_bytes"] = load.message_bytes;
  if (load.rate > 0) line["rate"] = load.rate;
  if (arguments.mode == "connect") line["close"] = load.close_with_fin ? "fin" : "reset";
  const double seconds = base::to_seconds(outcome.elapsed);
  line["operations"] = outcome.operations;
  line["bytes"] = outcome.bytes;
  line["seconds"] = seconds;
  line["operations_per_second"] =
      seconds > 0 ? static_cast<double>(outcome.operations) / seconds : 0.0;
  line["gigabits_per_second"] =
      seconds > 0 ? static_cast<double>(outcome.bytes) * 8 / 1e9 / seconds : 0.0;
  line["errors"] = outcome.errors;
  if (outcome.errors > 0) line["first_error"] = outcome.first_error;
  if (outcome.latency) {
    line["p50_us"] = to_microseconds(outcome.latency->percentile(0.5));
    line["p99_us"] = to_microseconds(outcome.latency->percentile(0.99));
    line["p99.9_us"] = to_microseconds(outcome.latency->percentile(0.999));
    line["max_us"] = to_microseconds(outcome.latency->max());
  }
  std::puts(line.dump().c_str());
  std::fflush(stdout);
}

int serve(EchoServer& server) {
  const nlohmann::ordered_json line{{"event", "serving"},
                                    {"address", base::to_string(server.address())}};
  std::puts(line.dump().c_str());
  std::fflush(stdout);
  server.run(STDIN_FILENO);
  return 0;
}

int run_load(const Arguments& arguments) {
  ::alarm(static_cast<unsigned>(arguments.load.seconds + arguments.load.warmup_seconds +
                                kAlarmSlackSeconds));
  // Sleeps to the microsecond: the default slack of 50 us is longer than the gap between messages.
  CHECK(::prctl(PR_SET_TIMERSLACK, 1UL) == 0);
  const bench::Gate gate(arguments.load.handshake);
  Outcome outcome;
  const auto load = make_load(arguments);
  load->run(gate, outcome);
  print_outcome(arguments, outcome);
  gate.wait_for_line();
  return outcome.errors == 0 && outcome.operations > 0 ? 0 : kFailed;
}

int run_load_with_server(Arguments arguments, EchoServer& server) {
  const base::UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  CHECK(stop);
  arguments.load.target = server.address();
  std::thread thread([&] { server.run(stop.get()); });
  const int exit_code = run_load(arguments);
  CHECK(::eventfd_write(stop.get(), 1) == 0);
  thread.join();
  return exit_code;
}

void declare_options(CLI::App& app, Arguments& arguments) {
  app.add_option("mode", arguments.mode, "what to do")
      ->required()
      ->check(CLI::IsMember({"pingpong", "connect", "bulk-up", "bulk-down", "idle", "serve"}));
  app.add_option("--target", arguments.target,
                 "address to connect to; without it, an echo server of its own");
  app.add_option("--listen", arguments.listen, "address of the echo server")->capture_default_str();
  app.add_option("--connections", arguments.load.connections, "connections or streams at once")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--seconds", arguments.load.seconds, "measured time; idle: how long to hold")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  app.add_option("--warmup", arguments.load.warmup_seconds, "seconds of the same work before")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  app.add_option("--message", arguments.load.message_bytes, "bytes of a message")
      ->check(CLI::Range(1, 16'384))
      ->capture_default_str();
  app.add_option("--rate", arguments.load.rate,
                 "pingpong: messages a second over all connections, each measured from when it was "
                 "due; 0: closed loop")
      ->check(CLI::Range(0.0, 1e7));
  app.add_flag("--fin", arguments.load.close_with_fin, "connect: close in order instead of reset");
  app.add_flag("--handshake", arguments.load.handshake,
               "wait for a line on stdin before the measured work and after the result");
  app.add_option("--cpu", arguments.cpu, "pin the process to this CPU");
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Load and echo server for Millrace's benchmarks");
  declare_options(app, arguments);
  CLI11_PARSE(app, argc, argv);
  bench::raise_descriptor_limit();
  if (arguments.cpu >= 0 && !base::pin_this_thread(arguments.cpu)) {
    std::fprintf(stderr, "bench_load: cannot run on CPU %d\n", arguments.cpu);
    return kFailed;
  }
  if (arguments.mode != "serve" && !arguments.target.empty()) {
    const auto target = base::parse_address(arguments.target);
    if (!target) {
      std::fprintf(stderr, "bench_load: --target: %s\n", target.error().c_str());
      return kWrongUsage;
    }
    arguments.load.target = *target;
    return run_load(arguments);
  }
  const auto listen = base::parse_address(arguments.listen);
  if (!listen) {
    std::fprintf(stderr, "bench_load: --listen: %s\n", listen.error().c_str());
    return kWrongUsage;
  }
  auto server = EchoServer::listen(*listen);
  if (!server) {
    std::fprintf(stderr, "bench_load: cannot listen on %s: %s\n", arguments.listen.c_str(),
                 base::errno_text(server.error()).c_str());
    return kFailed;
  }
  return arguments.mode == "serve" ? serve(*server) : run_load_with_server(arguments, *server);
}
