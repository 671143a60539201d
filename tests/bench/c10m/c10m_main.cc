// c10m: ten million joined connections in the engine that ships, and what they cost.
//
//   c10m                                   a million pairs, one thread: engine's own time
//   c10m --pairs 1e7 --requests 2e7        the real thing: 3 GiB, some minutes
//   c10m --work life --lives 5e6           connections that come, ask once and go
//   c10m --mode two --flood                two threads, latency; strangers' SYNs
//
// Exit code: 0 intact, 1 something was lost, mixed up or left behind, 2 wrong usage. Speed is
// printed and judged, and is nobody's exit code: it depends on the machine.
#include <CLI/CLI.hpp>
#include <cmath>
#include <string>

#include "tests/bench/c10m/report.h"

namespace {

using bench::c10m::Ip4;
using bench::c10m::Ip6;
using bench::c10m::Lab;
using bench::c10m::Mode;
using bench::c10m::Run;
using bench::c10m::Work;

// Numbers of things: as doubles, so that 1e7 can be written.
struct Arguments {
  std::string mode = "one";
  std::string work = "all";
  std::string family = "v4";
  std::string pages = "transparent";
  double pairs = 1e6;
  double requests = 2e6;
  double lives = 1e6;
  double at_once = 1e5;
  bool json = false;
  bench::c10m::LabOptions lab;
};

// Of one address of a client there are 32,768 ports, of one local address 64,512, of those 254.
constexpr double kPairsMax = 254.0 * bench::c10m::kPortsOfLocal;
// Below this the handshakes of a few turns are all there is.
constexpr double kAtOnceMin = 2048;
constexpr std::size_t kPayloadMax = 1400;

void declare_options(CLI::App& app, Arguments& arguments) {
  app.add_option("--mode", arguments.mode, "one thread in turns, or two threads")
      ->check(CLI::IsMember({"one", "two"}))
      ->capture_default_str();
  app.add_option("--work", arguments.work, "many pairs at once, short lives, or both")
      ->check(CLI::IsMember({"hold", "life", "all"}))
      ->capture_default_str();
  app.add_option("--family", arguments.family)
      ->check(CLI::IsMember({"v4", "v6"}))
      ->capture_default_str();
  app.add_option("--pages", arguments.pages, "what the tables wish for")
      ->check(CLI::IsMember({"huge", "transparent", "plain"}))
      ->capture_default_str();
  app.add_option("--pairs", arguments.pairs, "pairs at once")
      ->check(CLI::Range(1.0, kPairsMax))
      ->capture_default_str();
  app.add_option("--requests", arguments.requests, "exchanged at random pairs")
      ->check(CLI::Range(0.0, 1e10))
      ->capture_default_str();
  app.add_option("--lives", arguments.lives, "whole lives")
      ->check(CLI::Range(kAtOnceMin, 1e10))
      ->capture_default_str();
  app.add_option("--at-once", arguments.at_once, "lives at once, at most")
      ->check(CLI::Range(kAtOnceMin, 1e6))
      ->capture_default_str();
  app.add_option("--payload", arguments.lab.payload, "bytes of a request and of its reply")
      ->check(CLI::Range(bench::c10m::kPayloadMin, kPayloadMax))
      ->capture_default_str();
  app.add_flag("--flood", arguments.lab.flood, "measure goodput while strangers send SYNs");
  app.add_option("--flood-rate", arguments.lab.flood_rate, "SYNs a second of the engine's time")
      ->check(CLI::Range(1.0, 1e9))
      ->capture_default_str();
  app.add_option("--latency-seconds", arguments.lab.latency_seconds, "at each load, --mode two")
      ->check(CLI::Range(0.01, 600.0))
      ->capture_default_str();
  app.add_option("--seed", arguments.lab.seed)->capture_default_str();
  app.add_flag("--json", arguments.json, "one line of JSON instead of tables");
}

backends::dpdk::splice_core::PageWish wish_of(const std::string& pages) {
  using backends::dpdk::splice_core::PageWish;
  if (pages == "huge") return PageWish::kHuge;
  return pages == "plain" ? PageWish::kPlain : PageWish::kTransparent;
}

template <typename Ip>
void experiment(const Arguments& arguments, Run& run) {
  if (arguments.work != "life") {
    Lab<Ip> lab(run.options, Work::kHold);
    lab.hold();
    run.hold = lab.findings();
  }
  if (arguments.work != "hold") {
    Lab<Ip> lab(run.options, Work::kLife);
    lab.life();
    run.life = lab.findings();
  }
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Ten million joined connections in the engine that ships, and what they cost");
  declare_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  Run run{.options = arguments.lab, .v6 = arguments.family == "v6"};
  run.nominal_ghz = bench::c10m::nominal_gigahertz();
  run.options.mode = arguments.mode == "two" ? Mode::kTwo : Mode::kOne;
  run.options.pairs = static_cast<std::uint32_t>(arguments.pairs);
  run.options.requests = static_cast<std::uint64_t>(arguments.requests);
  run.options.lives = static_cast<std::uint64_t>(arguments.lives);
  run.options.lives_at_once = static_cast<std::uint32_t>(arguments.at_once);
  run.options.pages = wish_of(arguments.pages);
  if (run.v6) {
    experiment<Ip6>(arguments, run);
  } else {
    experiment<Ip4>(arguments, run);
  }
  if (arguments.json) {
    print_json(run);
  } else {
    print_text(run);
  }
  return intact(run) ? 0 : 1;
}
