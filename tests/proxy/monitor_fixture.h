// One production monitor on a simulated network: services and time are scripted, everything between
// them is what ships. One thread; virtual time.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/sim/sim_network.h"
#include "backends/sim/sim_peer.h"
#include "backends/sim/sim_transport.h"
#include "proxy/monitor.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {

// Hears announcements; full: and cannot pass them on.
class Ear : public Announcer {
 public:
  bool announce_verdicts() override {
    ++asked;
    return !full;
  }
  int asked = 0;
  bool full = false;
};

class MonitorFixture : public testing::Test {
 protected:
  static constexpr const char* kEndpoint = "10.0.1.1:80";

  explicit MonitorFixture(std::size_t checks_max = 512) : checks_max_(checks_max) {}

  // One upstream "app", checked once a second.
  static config::Config one_upstream(const std::vector<std::string>& endpoints = {kEndpoint}) {
    config::Config config;
    config::Upstream& upstream = config.upstreams.emplace_back();
    upstream.name = "app";
    upstream.health.emplace();
    upstream.health->interval = 1s;
    upstream.health->timeout = 500ms;
    for (const std::string& endpoint : endpoints) {
      upstream.endpoints.push_back({.address = address(endpoint), .mark = {}});
    }
    return config;
  }

  void apply(const config::Config& config) {
    MonitorCommand command;
    command.kind = MonitorCommand::Kind::kApply;
    command.snapshot = make_snapshot(++generation_, config, {}, catalog_);
    auto done = command.done.get_future();
    ASSERT_TRUE(monitor_.post(std::move(command)));
    while (done.wait_for(0s) != std::future_status::ready) monitor_.step(1ms);
  }

  // Turns the loop until the condition holds or so much virtual time has passed.
  bool run_until(const std::function<bool()>& condition, base::Nanos limit = 60s) {
    const base::Nanos end = transport_.now() + limit;
    while (!condition()) {
      if (transport_.now() >= end) return false;
      monitor_.step(std::min<base::Nanos>(1ms, end - transport_.now()));
    }
    return true;
  }
  void run_for(base::Nanos duration) {
    run_until([] { return false; }, duration);
  }

  void reach(const std::string& at, backends::SimReach how) {
    backends::SimPath path;
    path.reach = how;
    network_.set_path(address(at), path);
  }
  // Greets every connection with the script.
  backends::SimService& serve(
      const std::string& at = kEndpoint,
      backends::SimService::Greet greet = [](backends::SimPeer&) {}) {
    services_.push_back(
        backends::SimService::make(network_, {.address = address(at), .tcp = {}}, std::move(greet))
            .value());
    return *services_.back();
  }

  const EndpointSeries& series(const std::string& at = kEndpoint) {
    return catalog_.endpoint("app", at);
  }
  bool healthy(const std::string& at = kEndpoint) { return series(at).verdict.healthy; }
  std::uint64_t checks(CheckResult result, const std::string& at = kEndpoint) {
    return series(at).monitored.checks[static_cast<std::size_t>(result)].value();
  }
  std::uint64_t checks(const std::string& at = kEndpoint) {
    std::uint64_t sum = 0;
    for (const metrics::Counter& each : series(at).monitored.checks) sum += each.value();
    return sum;
  }
  std::int64_t active() { return catalog_.monitor().checks_active.value(); }

  std::size_t checks_max_;
  backends::SimNetwork network_{backends::SimNetworkOptions{}};
  backends::SimTransport transport_{network_, backends::SimTransportOptions{}};
  MetricsCatalog catalog_{1};
  EvidenceLog evidence_;
  Ear ear_;
  Monitor monitor_{
      {.checks_max = checks_max_, .seed = 1},
      {.evidence = {&evidence_}, .announcer = &ear_, .log = nullptr, .totals = &catalog_.monitor()},
      transport_};
  std::vector<std::unique_ptr<backends::SimService>> services_;
  std::uint64_t generation_ = 0;
};

}  // namespace proxy
