// One production worker on a simulated network, for the tests of proxy/: clients, services and time
// are scripted, everything between them is what ships. One thread; virtual time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/sim/sim_network.h"
#include "backends/sim/sim_peer.h"
#include "backends/sim/sim_transport.h"
#include "config/config.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"
#include "proxy/worker_metrics.h"

namespace proxy {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

inline base::Address address(std::string_view text) { return base::parse_address(text).value(); }

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

inline std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class WorkerFixture {
 public:
  WorkerFixture() : WorkerFixture(WorkerOptions{}) {}
  explicit WorkerFixture(const WorkerOptions& options)
      : network_(backends::SimNetworkOptions{}),
        transport_(network_, backends::SimTransportOptions{}),
        worker_(options, transport_, catalog_.worker(0)) {}

  // One listener "web" at 10.0.0.1:80 to one upstream "app" with these endpoints.
  static config::Config one_listener(const std::vector<std::string>& endpoints) {
    config::Config config;
    config::Listener& listener = config.listeners.emplace_back();
    listener.name = "web";
    listener.bind.push_back({.address = address("10.0.0.1:80"), .v6_only = false, .mark = {}});
    listener.upstream.name = "app";
    config::Upstream& upstream = config.upstreams.emplace_back();
    upstream.name = "app";
    upstream.balance = config::Balance::kFirst;
    for (const std::string& endpoint : endpoints) {
      upstream.endpoints.push_back({.address = address(endpoint), .weight = 100, .mark = {}});
    }
    return config;
  }

  // Tells the worker and waits for its answer.
  std::optional<BindFailure> tell(Command::Kind kind, SnapshotPtr snapshot = nullptr,
                                  base::Nanos drain_for = {}) {
    Command command;
    command.kind = kind;
    command.snapshot = std::move(snapshot);
    command.drain_for = drain_for;
    auto answer = command.done.get_future();
    EXPECT_TRUE(worker_.post(std::move(command)));
    while (answer.wait_for(0s) != std::future_status::ready) worker_.step(1ms);
    return answer.get();
  }

  // The same for what the admin API asks.
  void ask(Command::Kind kind, SessionSlice* slice, SessionEnding* ending) {
    Command command;
    command.kind = kind;
    command.slice = slice;
    command.ending = ending;
    auto answer = command.done.get_future();
    EXPECT_TRUE(worker_.post(std::move(command)));
    while (answer.wait_for(0s) != std::future_status::ready) worker_.step(1ms);
  }

  SnapshotPtr snapshot_of(const config::Config& config) {
    std::vector<std::vector<base::Address>> addresses;
    for (const config::Listener& listener : config.listeners) {
      auto& binds = addresses.emplace_back();
      for (const config::Bind& bind : listener.bind) binds.push_back(bind.address);
    }
    return make_snapshot(++generation_, config, addresses, catalog_);
  }

  std::optional<BindFailure> apply(const config::Config& config) {
    const auto failure = tell(Command::Kind::kPrepare, snapshot_of(config));
    if (!failure) tell(Command::Kind::kCommit);
    return failure;
  }

  std::unique_ptr<backends::SimService> service(std::string_view at,
                                                backends::SimService::Greet greet) {
    return backends::SimService::make(network_, {.address = address(at), .tcp = {}},
                                      std::move(greet))
        .value();
  }
  std::unique_ptr<backends::SimService> echo_service(std::string_view at) {
    return service(at, [](backends::SimPeer& peer) { peer.echo(); });
  }
  std::unique_ptr<backends::SimPeer> client(std::string_view to = "10.0.0.1:80") {
    return std::make_unique<backends::SimPeer>(
        network_,
        backends::SimConnect{
            .remote = address(to), .source = {}, .original_destination = {}, .tcp = {}},
        backends::SimPeer::Mode::kAuto);
  }

  // Turns the loop until the condition holds or so much virtual time has passed.
  bool run_until(const std::function<bool()>& condition, base::Nanos limit = 10s) {
    const base::Nanos end = transport_.now() + limit;
    while (!condition()) {
      if (transport_.now() >= end) return false;
      worker_.step(1ms);
    }
    return true;
  }
  void run_for(base::Nanos duration) {
    run_until([] { return false; }, duration);
  }

  std::uint64_t ended(Actor actor, Cause cause) {
    return route().ended[static_cast<std::size_t>(actor)][static_cast<std::size_t>(cause)].value();
  }
  RouteCells& route() { return *catalog_.route("web", "app").cells[0]; }
  ListenerCells& listener() { return *catalog_.listener("web").cells[0]; }
  EndpointCells& endpoint(const std::string& at) { return *catalog_.endpoint("app", at).cells[0]; }

 protected:
  backends::SimNetwork network_;
  MetricsCatalog catalog_{1};
  backends::SimTransport transport_;
  Worker worker_;
  std::uint64_t generation_ = 0;
};

}  // namespace proxy
