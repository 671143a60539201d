// A world for the production proxy: one simulated network, a few workers and perhaps a monitor on
// it (the real proxy::Worker, its real mailbox, snapshots and counters), and far ends that tests
// script. It drives everything on one thread in virtual time, and checks after every step what must
// always hold. What must hold in the end, checker.h checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/sim/sim_network.h"
#include "backends/sim/sim_peer.h"
#include "backends/sim/sim_transport.h"
#include "config/config.h"
#include "proxy/monitor.h"
#include "proxy/worker.h"
#include "tests/simulation/ended_session.h"

namespace simulation {

using base::Nanos;

struct WorldOptions {
  backends::SimNetworkOptions network;  // Its seed is the world's.
  std::size_t workers = 1;
  backends::SimFaults faults;
  backends::TransportOptions limits;
  std::size_t sessions_max = 4096;
  bool monitor = false;  // Else nobody checks and judges endpoints.
};

class World final : private proxy::Announcer {
 public:
  explicit World(const WorldOptions& options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  // Tells the workers to stop, if the test did not.
  ~World() override;

  backends::SimNetwork& network() { return network_; }
  base::Prng& prng() { return network_.prng(); }
  Nanos now() const { return network_.now(); }

  // --- Time.
  // One thing happens: a worker that can run makes one step, or time moves on to the next event.
  // False when nothing is left or due until `limit`; the clock is at `limit` then.
  bool turn(Nanos limit = base::kForever);
  void run_for(Nanos time);
  // Until it is true, but not longer than `limit` of virtual time. What it was in the end.
  bool run_until(const std::function<bool()>& done, Nanos limit = std::chrono::minutes(10));

  // --- The operator.
  // Prepares a configuration on every worker and commits it, or abandons it on all when one of
  // them could not listen.
  std::optional<proxy::BindFailure> configure(const config::Config& config);
  void drain(Nanos drain_for);
  // What the monitor would say of an endpoint, to every worker.
  void judge(const std::string& upstream, const std::string& endpoint, bool healthy);
  // Every worker has drained.
  bool finished() const;
  // Stops the workers (drain of zero unless they are finished) and everything they have.
  void stop();

  // --- Far ends, kept until the world ends.
  backends::SimPeer& add_client(const base::Address& listener, std::size_t buffer_bytes = 0);
  backends::SimPeer& add_client(const backends::SimConnect& connect);
  backends::SimService& add_service(const base::Address& address, backends::SimService::Greet greet,
                                    std::size_t buffer_bytes = 0);
  const std::vector<std::unique_ptr<backends::SimPeer>>& clients() const { return clients_; }
  const std::vector<std::unique_ptr<backends::SimService>>& services() const { return services_; }

  // --- What the workers say.
  std::size_t workers() const { return workers_.size(); }
  backends::SimTransport& transport(std::size_t worker) { return *workers_[worker].transport; }
  std::size_t sessions() const;
  proxy::MetricsCatalog& catalog() { return catalog_; }
  // Sessions that ended, over all listeners.
  std::uint64_t ended(proxy::Actor actor, proxy::Cause cause) const;
  std::uint64_t ended() const;
  std::uint64_t accepted() const;
  std::uint64_t rejected() const;
  // Relays ever started, of all workers.
  const std::vector<backends::SimPair>& pairs() const { return pairs_; }
  // After stop(): one line of the access log for each session.
  const std::vector<EndedSession>& log() const { return log_; }
  // Broken invariants so far, as sentences.
  std::vector<std::string>& failures() { return failures_; }

 private:
  struct SimWorker {
    std::unique_ptr<backends::SimTransport> transport;
    std::unique_ptr<proxy::Worker> worker;
  };

  bool announce_verdicts() override;
  void make_monitor(const WorldOptions& options, const backends::SimTransportOptions& transport);
  void watch(const proxy::SnapshotPtr& snapshot);
  bool run_one_worker();
  std::vector<std::optional<proxy::BindFailure>> tell_all(proxy::Command::Kind kind,
                                                          const proxy::SnapshotPtr& snapshot,
                                                          Nanos drain_for);
  bool lowers_a_limit(const config::Config& config) const;
  void check_limits();
  void check_upstream_limits(const proxy::UpstreamPlan& plan);
  void check_room(const proxy::EndpointPlan& endpoint);
  template <typename Cells>
  void check_limit(const std::string& what, const proxy::Series<Cells>& series,
                   metrics::Gauge Cells::*gauge, std::uint32_t limit);

  backends::SimNetwork network_;
  proxy::MetricsCatalog catalog_;
  RecordedLog recorded_;
  std::vector<std::unique_ptr<proxy::EvidenceLog>> evidence_;  // One of each worker.
  std::unique_ptr<backends::SimTransport> monitor_transport_;  // Null, both: no monitor.
  std::unique_ptr<proxy::Monitor> monitor_;
  std::vector<SimWorker> workers_;
  std::vector<std::unique_ptr<backends::SimPeer>> clients_;
  std::vector<std::unique_ptr<backends::SimService>> services_;
  std::uint64_t generation_ = 0;
  proxy::SnapshotPtr snapshot_;
  bool limits_lowered_ = false;
  bool stopped_ = false;
  std::vector<backends::SimPair> pairs_;
  std::vector<EndedSession> log_;
  std::vector<std::string> failures_;
};

// --- Words for tests.

inline base::Address address(const std::string& text) { return base::parse_address(text).value(); }

// A stream that no other key has.
std::vector<std::byte> keyed_stream(std::uint64_t key, std::size_t size);

// One listener "l0" on `bind` and one upstream "u0" with endpoints of weight 100.
config::Config simple_config(const std::string& bind, const std::vector<std::string>& endpoints);

}  // namespace simulation
