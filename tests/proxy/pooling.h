// What the tests of pools share: the pools of a few workers on one simulated network, without the
// workers around them. Each pools' transport is driven by the test; one thread, virtual time.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/evidence.h"
#include "proxy/pools.h"
#include "proxy/tag_kind.h"
#include "proxy/upstream.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {

inline constexpr const char* kApp = "10.0.0.2:80";

// Pools of one worker, and the upstreams they serve.
class PoolsOfWorker {
 public:
  PoolsOfWorker(backends::SimNetwork& network, std::size_t worker, std::size_t pooled_max)
      : worker_(worker),
        transport_(network, options()),
        pools_({.worker = worker, .seed = worker + 1, .pooled_max = pooled_max, .evidence = &log_},
               transport_) {}

  void apply(const SnapshotPtr& snapshot) {
    std::vector<std::unique_ptr<Upstream>> next;
    for (const UpstreamPlan& plan : snapshot->upstreams) {
      std::unique_ptr<Upstream> upstream;
      for (auto& old : upstreams_) {
        if (old != nullptr && old->name() == plan.config->name) upstream = std::move(old);
      }
      if (upstream == nullptr) upstream = std::make_unique<Upstream>(worker_, 1);
      upstream->apply(snapshot, plan, transport_.now());
      next.push_back(std::move(upstream));
    }
    pools_.apply(snapshot, next);
    gone_ = std::move(upstreams_);
    upstreams_ = std::move(next);
  }

  // What a worker does in a turn, as far as pools go. True when there was something to do.
  bool turn() {
    const bool due = pools_.next_deadline() <= transport_.now();
    const auto events = transport_.poll(base::Nanos{0});
    for (const backends::Event& event : events) {
      const backends::Tag owner = pools_.owner_now(event.tag);
      if (!names(owner, TagKind::kPool)) {
        others_.push_back(event);
        others_.back().tag = owner;
      } else if (event.kind == backends::EventKind::kConnected) {
        backends::Event mine = event;
        mine.tag = owner;
        pools_.connected(mine);
      } else if (event.kind == backends::EventKind::kPeerClosed) {
        pools_.peer_closed(event);
      }
    }
    pools_.expire();
    return due || !events.empty();
  }

  Pools& pools() { return pools_; }
  backends::SimTransport& transport() { return transport_; }
  Endpoint& endpoint(std::size_t index = 0, std::size_t upstream = 0) {
    return *upstreams_[upstream]->endpoints()[index];
  }
  Upstream& upstream(std::size_t index = 0) { return *upstreams_[index]; }
  // Events that were not for the pools.
  std::vector<backends::Event>& others() { return others_; }
  EvidenceLog& evidence() { return log_; }

 private:
  static backends::SimTransportOptions options() {
    backends::SimTransportOptions options;
    options.clock = backends::SimClock::kDriven;
    return options;
  }

  std::size_t worker_;
  EvidenceLog log_;
  backends::SimTransport transport_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  std::vector<std::unique_ptr<Upstream>> gone_;
  Pools pools_;
  std::vector<backends::Event> others_;
};

class PoolingTest : public testing::Test {
 protected:
  explicit PoolingTest(std::size_t workers = 1, std::size_t pooled_max = 64)
      : catalog_(workers), network_(exact()) {
    for (std::size_t i = 0; i < workers; ++i) {
      workers_.push_back(std::make_unique<PoolsOfWorker>(network_, i, pooled_max));
    }
    config_ = WorkerFixture::one_listener({kApp});
    pool() = {.idle = 4, .idle_max = 16, .max_age = 30s};
  }

  config::Pool& pool() { return config_.upstreams[0].pool; }
  config::Upstream& upstream() { return config_.upstreams[0]; }

  void apply() {
    std::vector<std::vector<base::Address>> addresses;
    for (const config::Listener& listener : config_.listeners) {
      addresses.push_back({listener.bind[0].address});
    }
    const auto snapshot = make_snapshot(++generation_, config_, addresses, catalog_);
    for (auto& worker : workers_) worker->apply(snapshot);
  }

  void serve(backends::SimService::Greet greet, const std::string& where = kApp) {
    services_.push_back(backends::SimService::make(network_, {.address = address(where), .tcp = {}},
                                                   std::move(greet))
                            .value());
  }
  void serve() {
    serve([](backends::SimPeer&) {});
  }
  std::size_t served(std::size_t service = 0) const { return services_[service]->peers().size(); }
  backends::SimPeer& peer(std::size_t index) { return *services_[0]->peers()[index]; }

  void run_for(base::Nanos time) {
    const base::Nanos end = network_.now() + time;
    while (true) {
      bool worked = false;
      for (auto& worker : workers_) worked = worker->turn() || worked;
      if (worked) continue;
      base::Nanos due = network_.next_event().value_or(base::kForever);
      for (auto& worker : workers_) due = std::min(due, worker->pools().next_deadline());
      if (due > end) break;
      network_.run_until(std::max(due, network_.now() + base::Nanos{1}));
    }
    network_.run_until(end);
    for (auto& worker : workers_) worker->turn();  // Its clock is there too.
  }

  PoolsOfWorker& worker(std::size_t index = 0) { return *workers_[index]; }
  Pools& pools() { return worker().pools(); }
  Endpoint& endpoint() { return worker().endpoint(); }
  backends::TcpOptions tcp() const { return tcp_options(config_.listeners[0].tcp); }
  ReadyConnection take() { return pools().take(endpoint(), tcp()); }
  const UpstreamSeries& series() { return catalog_.upstream("app"); }
  UpstreamCells& cells(std::size_t of = 0) { return *series().cells[of]; }
  EndpointCells& endpoint_cells() { return *catalog_.endpoint("app", kApp).cells[0]; }
  std::uint64_t checkouts(Checkout what) {
    return cells().checkouts[static_cast<std::size_t>(what)].value();
  }
  std::uint64_t discarded(Discard what) {
    return cells().discarded[static_cast<std::size_t>(what)].value();
  }
  Verdict& verdict() { return catalog_.endpoint("app", kApp).verdict; }

  MetricsCatalog catalog_;
  backends::SimNetwork network_;
  config::Config config_;
  std::vector<std::unique_ptr<PoolsOfWorker>> workers_;
  std::vector<std::unique_ptr<backends::SimService>> services_;
  std::uint64_t generation_ = 0;

 private:
  static backends::SimNetworkOptions exact() {
    backends::SimNetworkOptions options;
    options.path.latency_min = options.path.latency_max = 5ms;
    return options;
  }
};

}  // namespace proxy
