#include "proxy/demo.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/cpu.h"
#include "base/fd.h"
#include "config/loader.h"
#include "proxy/confinement.h"
#include "proxy/demo_load.h"
#include "proxy/demo_report.h"
#include "proxy/demo_upstream.h"
#include "proxy/exit_code.h"
#include "proxy/http_client.h"
#include "proxy/instance.h"
#include "proxy/log_output.h"
#include "proxy/signals.h"
#include "proxy/version.h"

namespace proxy {
namespace {

constexpr std::size_t kEndpoints = 3;
constexpr std::size_t kWorkersMax = 2;  // The load and the upstreams need processors, too.
constexpr std::size_t kConnections = 64;
constexpr std::size_t kIdleMax = 1000;
// A session of the demo has four descriptors in this one process: two of the proxy, one of the
// client and one of the upstream. Half of the descriptors stay for everything else.
constexpr std::size_t kDescriptorsPerSession = 4;
// Parts of the time, in hundredths.
constexpr int kOneAtATimePart = 10;  // Twice: proxied and direct.
constexpr int kManyDirectPart = 15;
constexpr int kManyProxiedPart = 25;
constexpr int kShortPart = 20;
constexpr int kBulkPart = 20;
static_assert(2 * kOneAtATimePart + kManyDirectPart + kManyProxiedPart + kShortPart + kBulkPart ==
              100);
constexpr base::Nanos kSettleMax = std::chrono::seconds(2);
constexpr int kSettleStepMs = 10;
constexpr base::Nanos kPageMax = std::chrono::seconds(2);
constexpr base::Nanos kDrainMax = std::chrono::seconds(2);
constexpr int kTickMs = 1000;

// The demo's configuration, as a user would write it.
std::string configuration(const DemoOptions& options, const std::vector<base::Address>& upstreams) {
  std::string endpoints;
  for (const base::Address& address : upstreams) {
    endpoints += fmt::format("      - {{address: \"{}\"}}\n", base::to_string(address));
  }
  return fmt::format(
      "workers: {{count: {}}}\n"
      "transport: {}\n"
      "listeners:\n"
      "  - name: demo\n"
      "    bind: 127.0.0.1:0\n"
      "    upstream: echo\n"
      "upstreams:\n"
      "  - name: echo\n"
      "    balance: least_sessions\n"
      "    endpoints:\n"
      "{}"
      "metrics: {{bind: 127.0.0.1:0}}\n"
      "log: {{level: warning, access: false}}\n",
      std::min(base::usable_cpus().size(), kWorkersMax), options.transport, endpoints);
}

// Memory of this process that no file stands behind. smaps_rollup walks the page tables, so it is
// exact; the counters in /proc/self/status are updated in lots (man 5 proc).
std::optional<std::uint64_t> anonymous_bytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  std::uint64_t kilobytes = 0;
  while (file >> word) {
    if (word == "Anonymous:" && file >> kilobytes) return kilobytes << 10U;
  }
  return std::nullopt;
}

std::size_t idle_sessions_max() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto sessions = static_cast<std::size_t>(limit.rlim_cur) / 2 / kDescriptorsPerSession;
  return std::min(sessions, kIdleMax);
}

// The work is on the load thread, in order; main watches it and prints.
class Demo {
 public:
  Demo(const DemoOptions& options, Instance& instance, const DemoUpstream& upstream,
       Signals& signals);

  // The exit code.
  int run();

 private:
  bool serve_first_session();
  void print_header() const;
  void measure();
  void hold_idle();
  void watch();
  void print_progress();
  void read_page();
  std::vector<std::string> failures() const;
  void wait_for_signal();
  void stop();

  base::Nanos part(int hundredths) const {
    return base::Nanos(options_.duration) * hundredths / 100;
  }
  base::Nanos since_start() const {
    return std::chrono::steady_clock::now() - options_.main_entered;
  }

  const DemoOptions& options_;
  Instance& instance_;
  Signals& signals_;
  LoadContext proxied_;
  LoadContext direct_;
  base::UniqueFd load_done_;  // An eventfd(2), raised by the load thread.
  bool interrupted_ = false;
  DemoFigures figures_;  // The load thread's until that has ended, then main's.

  // For the progress lines.
  std::atomic<const char*> phase_{"starting"};
  base::Nanos last_line_{0};
  std::uint64_t last_requests_ = 0;
  std::uint64_t last_bytes_ = 0;
};

Demo::Demo(const DemoOptions& options, Instance& instance, const DemoUpstream& upstream,
           Signals& signals)
    : options_(options),
      instance_(instance),
      signals_(signals),
      load_done_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(load_done_);
  proxied_.target = instance.snapshot()->listeners[0].binds[0].address;
  direct_.target = upstream.addresses()[0];
  figures_.engine = instance.engine();
  figures_.workers = instance.catalog().workers();
  figures_.metrics_url =
      fmt::format("http://{}/metrics", base::to_string(instance.metrics_address()));
  figures_.many = kConnections;
}

int Demo::run() {
  const bool served = serve_first_session();
  print_header();
  if (served) {
    std::thread load([this] {
      base::name_this_thread("demo-load");
      measure();
      CHECK(eventfd_write(load_done_.get(), 1) == 0);
    });
    watch();
    load.join();
    read_page();
  }
  const auto problems = failures();
  if (served) fmt::print("{}", demo_table(figures_));
  for (const std::string& problem : problems) fmt::print("  FAILED: {}\n", problem);
  if (interrupted_) fmt::print("\n  interrupted: the figures are of what was done until then\n");
  if (problems.empty() && !interrupted_) {
    fmt::print(
        "\n  Every byte came back as it was sent. Proxy, upstreams and load shared {} "
        "processors.\n",
        base::usable_cpus().size());
  }
  static_cast<void>(std::fflush(stdout));
  if (options_.hold && served && !interrupted_) wait_for_signal();
  stop();
  return problems.empty() && !interrupted_ ? kExitDone : kExitFailed;
}

// The first client through the proxy: until its byte has come back, the proxy has not started.
bool Demo::serve_first_session() {
  auto session = open_idle(proxied_, 1);
  figures_.first_session = since_start();
  const bool served = session.size() == 1;
  close_idle(proxied_, session);
  return served;
}

void Demo::print_header() const {
  fmt::print("millrace {} demo: {} workers on {}, {} echo upstreams behind them\n", version(),
             figures_.workers, figures_.engine, kEndpoints);
  fmt::print("  proxy    {}\n", base::to_string(proxied_.target));
  fmt::print("  metrics  {}  (open it while this runs)\n\n", figures_.metrics_url);
  static_cast<void>(std::fflush(stdout));
}

// On the load thread.
void Demo::measure() {
  constexpr auto kProxied = static_cast<std::size_t>(DemoPath::kProxied);
  constexpr auto kDirect = static_cast<std::size_t>(DemoPath::kDirect);
  // First, because later the proxy would use memory again that it has had before.
  hold_idle();
  phase_ = "one at a time, without a proxy";
  figures_.one_at_a_time[kDirect] = run_round_trips(direct_, 1, part(kOneAtATimePart));
  phase_ = "one at a time";
  figures_.one_at_a_time[kProxied] = run_round_trips(proxied_, 1, part(kOneAtATimePart));
  phase_ = "64 connections, without a proxy";
  figures_.many_at_once[kDirect] = run_round_trips(direct_, kConnections, part(kManyDirectPart));
  phase_ = "64 connections";
  figures_.many_at_once[kProxied] = run_round_trips(proxied_, kConnections, part(kManyProxiedPart));
  phase_ = "short sessions";
  figures_.short_sessions = run_short_sessions(proxied_, part(kShortPart));
  phase_ = "bulk stream";
  figures_.bulk = run_bulk(proxied_, part(kBulkPart));
}

void Demo::hold_idle() {
  phase_ = "idle sessions";
  const std::size_t count = idle_sessions_max();
  const auto before = anonymous_bytes();
  auto sessions = open_idle(proxied_, count);
  const auto after = anonymous_bytes();
  figures_.idle_sessions = sessions.size();
  if (before && after && *after >= *before) figures_.idle_bytes = *after - *before;
  close_idle(proxied_, sessions);
}

// A line a second, until the load has ended.
void Demo::watch() {
  last_line_ = since_start();
  std::array<pollfd, 2> waits = {{{.fd = load_done_.get(), .events = POLLIN, .revents = 0},
                                  {.fd = signals_.fd(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    const int ready = poll(waits.data(), waits.size(), kTickMs);
    if (ready == 0) print_progress();
    if ((waits[0].revents & POLLIN) != 0) return;
    if (!signals_.take()) continue;
    interrupted_ = true;
    proxied_.stop = true;
    direct_.stop = true;
  }
}

void Demo::print_progress() {
  const base::Nanos now = since_start();
  const double seconds = base::to_seconds(now - last_line_);
  const std::uint64_t requests = proxied_.requests.value() + direct_.requests.value();
  const std::uint64_t bytes = proxied_.bytes.value() + direct_.bytes.value();
  const auto per_second = [seconds](std::uint64_t count) {
    return static_cast<std::uint64_t>(static_cast<double>(count) / seconds);
  };
  fmt::print("{:4.0f} s  {:<32} {:>8} round trips/s  {:>9}/s  {:>7} sessions  {} failed\n",
             base::to_seconds(now), phase_.load(),
             with_commas(per_second(requests - last_requests_)),
             human_bytes(per_second(bytes - last_bytes_)), with_commas(proxied_.sessions.value()),
             proxied_.failed.value() + direct_.failed.value());
  static_cast<void>(std::fflush(stdout));
  last_line_ = now;
  last_requests_ = requests;
  last_bytes_ = bytes;
}

// What the proxy says about it all, as soon as it has no session left.
void Demo::read_page() {
  const base::Nanos deadline = base::monotonic_now() + kSettleMax;
  std::string page;
  do {
    const auto answer = http_get(instance_.metrics_address(), "/metrics", kPageMax);
    if (!answer) {
      proxied_.fail("reading the proxy's metrics: " + answer.error());
      break;
    }
    page = answer->body;
    if (sum_on_page(page, "millrace_sessions_active", "").value_or(0) == 0) break;
    // The last sessions end within a poll or two; a signal ends the waiting.
    pollfd wait{.fd = signals_.fd(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, kSettleStepMs) != 0) break;
  } while (base::monotonic_now() < deadline);
  const auto count = [&page](std::string_view family, std::string_view label) {
    return static_cast<std::uint64_t>(sum_on_page(page, family, label).value_or(0));
  };
  figures_.sessions_opened = count("millrace_listener_accepted_total", "");
  figures_.sessions_ended = count("millrace_sessions_total", "");
  figures_.bytes = {count("millrace_relay_bytes_total", "direction=\"to_upstream\""),
                    count("millrace_relay_bytes_total", "direction=\"to_client\"")};
  figures_.failed = proxied_.failed.value() + direct_.failed.value();
}

// The clients' own view, and whether the proxy's numbers agree with it.
std::vector<std::string> Demo::failures() const {
  std::vector<std::string> problems;
  for (const LoadContext* load : {&proxied_, &direct_}) {
    if (load->failed.value() == 0) continue;
    problems.push_back(fmt::format("{} {}; first: {}", load->failed.value(),
                                   load == &proxied_ ? "through the proxy" : "without a proxy",
                                   load->first_failure));
  }
  if (!problems.empty()) return problems;
  const auto compare = [&problems](std::string_view what, std::uint64_t proxy,
                                   std::uint64_t client) {
    if (proxy == client) return;
    problems.push_back(fmt::format("{}: the proxy counted {}, its clients {}", what,
                                   with_commas(proxy), with_commas(client)));
  };
  compare("sessions opened", figures_.sessions_opened, proxied_.sessions.value());
  compare("sessions ended", figures_.sessions_ended, proxied_.sessions.value());
  compare("bytes to upstream", figures_.bytes[index_of(backends::Direction::kToUpstream)],
          proxied_.bytes.value());
  compare("bytes to client", figures_.bytes[index_of(backends::Direction::kToClient)],
          proxied_.bytes.value());
  return problems;
}

void Demo::wait_for_signal() {
  fmt::print("\n  The proxy stays up at {} until Ctrl-C.\n", base::to_string(proxied_.target));
  static_cast<void>(std::fflush(stdout));
  pollfd wait{.fd = signals_.fd(), .events = POLLIN, .revents = 0};
  while (!signals_.take()) static_cast<void>(poll(&wait, 1, -1));
}

void Demo::stop() {
  instance_.drain(kDrainMax);
  const base::Nanos deadline = base::monotonic_now() + kDrainMax + kSettleMax;
  pollfd wait{.fd = instance_.finished_fd(), .events = POLLIN, .revents = 0};
  while (!instance_.finished() && base::monotonic_now() < deadline) {
    static_cast<void>(poll(&wait, 1, kTickMs));
    eventfd_t finished_workers = 0;
    static_cast<void>(eventfd_read(instance_.finished_fd(), &finished_workers));
  }
}

void print_problems(const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) {
    fmt::print(stderr, "{}\n", config::to_string("demo", problem));
  }
}

}  // namespace

int run_demo(const DemoOptions& options) {
  Signals signals({SIGINT, SIGTERM});
  const auto upstream = DemoUpstream::start(kEndpoints, kIdleMax + kConnections);
  if (!upstream) {
    fmt::print(stderr, "demo: starting the upstreams: {}\n", base::errno_text(upstream.error()));
    return kExitFailed;
  }
  auto config = config::load_text(configuration(options, (*upstream)->addresses()));
  if (!config) {
    print_problems(config.error());
    return kExitUsage;
  }
  LogOutput output(STDERR_FILENO);
  Confinement confinement(*config, false);
  const auto instance =
      Instance::make(output, *config, {.confine = [&] { return confinement.enter(); }});
  if (!instance) {
    fmt::print(stderr, "demo: {}\n", instance.error());
    return kExitFailed;
  }
  confinement.report((*instance)->log());
  if (const auto problems = (*instance)->start(*std::move(config)); !problems.empty()) {
    print_problems(problems);
    return kExitFailed;
  }
  return Demo(options, **instance, **upstream, signals).run();
}

}  // namespace proxy
