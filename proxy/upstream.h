// A named service as one worker sees it: its endpoints, who of them may get new sessions, and how
// many places are left. Owned by the worker's roster; on the worker's thread. Everything a session
// in flight refers to stays in its place until that session has ended, also when a reload has
// removed it.
//
// Places. limits.max_sessions counts sessions past the queue, limits.max_connecting connects under
// way, and endpoints have the same two limits of their own; all are over all workers and exact
// (shared_limit.h). A session enters with one place of each kind, frees the two for connecting when
// it is connected, and the other two in the end:
//
//   enter() -> connected() -> left()
//      | attempt_failed() -> try_another() -> connected() ...
//      |                  -> gave_up()
//
// Priorities, verdicts and what happens when nobody is well: tiers.h. An endpoint that is full is
// passed over; when everybody who is left in a tier is full, the session waits for a place there
// instead of going down to the next tier, which is for endpoints that are down and not busy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/transport.h"
#include "base/prng.h"
#include "proxy/balancer.h"
#include "proxy/endpoint.h"
#include "proxy/retry_budget.h"
#include "proxy/session_queue.h"
#include "proxy/snapshot.h"

namespace proxy {

enum class Offer : std::uint8_t {
  kEndpoint,  // This one; the places have been taken.
  kFull,      // Somebody could serve it, but no place is free.
  kNobody     // Nobody is usable, or all have been tried.
};

struct Choice {
  Offer offer = Offer::kNobody;
  Endpoint* endpoint = nullptr;  // Of kEndpoint.
};

class Upstream {
 public:
  Upstream(std::size_t worker, std::uint64_t seed)
      : worker_(worker), seed_(seed), unaddressed_(seed) {}

  // Takes over a configuration: endpoints that stay keep their sessions and counts; those that are
  // gone are not picked any more and live until their last session ends, which on_remove decides
  // (Endpoint::cut_at). The snapshot is kept: the maglev table is in it.
  void apply(const SnapshotPtr& snapshot, const UpstreamPlan& plan, base::Nanos now);
  // The configuration in force does not have it any more: its sessions go the way of on_remove,
  // with that configuration's shutdown.drain. Clients that were on their way still get in.
  void retire(base::Nanos drain, base::Nanos now);
  bool retired() const { return retired_; }

  // Looks at the endpoints' verdicts again.
  void read_verdicts(base::Nanos now);

  // A place for a session that is new or comes from the queue. tried: the endpoints it has tried.
  Choice enter(const base::IpPort& client, std::span<const std::uint16_t> tried, base::Nanos now);
  // After attempt_failed(): another endpoint, with the places at the upstream that it has already.
  Choice try_another(const base::IpPort& client, std::span<const std::uint16_t> tried,
                     base::Nanos now);
  // The endpoint has taken the connection.
  void connected(Endpoint& endpoint);
  // It has not, or the session goes before: the endpoint's places are free, and it may be gone.
  void attempt_failed(Endpoint& endpoint);
  // A session without an endpoint leaves: after attempt_failed().
  void gave_up();
  // A session that was connected has ended. The endpoint may be gone.
  void left(Endpoint& endpoint);

  SessionQueue& queue() { return queue_; }
  RetryBudget& retry_budget() { return retry_budget_; }

  const std::string& name() const { return *name_; }
  const config::Upstream& config() const { return *plan_->config; }
  UpstreamCells& cells() { return *cells_; }
  // In the order of the plan's.
  std::span<const std::unique_ptr<Endpoint>> endpoints() const { return endpoints_; }
  // Sessions past the queue.
  std::uint32_t sessions() const { return sessions_; }
  // Somebody is there or waits.
  bool in_use() const { return sessions_ > 0 || !queue_.empty(); }

 private:
  std::unique_ptr<Endpoint> take_back(const base::Address& address);
  void take_over(const EndpointPlan& wanted, std::unique_ptr<Endpoint> endpoint);
  void remove(std::unique_ptr<Endpoint> endpoint, base::Nanos cut_at);
  base::Nanos cut_at(base::Nanos drain, base::Nanos now) const;
  bool look_at(Endpoint& endpoint, base::Nanos now) const;
  void rebuild_balancers(base::Nanos now);
  std::vector<BalancedEndpoint> weights_of_tier(std::size_t tier, base::Nanos now) const;

  Choice choose(const base::IpPort& client, std::span<const std::uint16_t> tried, base::Nanos now);
  Choice choose_in(Balancer& balancer, const base::IpPort& client, bool all_clients,
                   base::Nanos now);
  bool exclude_full_ones(std::size_t tier);
  bool takes(const Endpoint& endpoint, const base::IpPort& client, base::Nanos now);
  bool take_endpoint(Endpoint& endpoint);
  void leave_endpoint(Endpoint& endpoint);

  std::size_t worker_;
  std::uint64_t seed_;
  base::Prng unaddressed_;  // For clients without an IP, while an endpoint starts slowly.
  SnapshotPtr snapshot_;
  const UpstreamPlan* plan_ = nullptr;
  UpstreamCells* cells_ = nullptr;
  const std::string* name_ = nullptr;
  bool retired_ = false;
  std::uint32_t sessions_ = 0;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> removed_;    // With sessions still on them.
  bool endpoint_limits_ = false;                      // Some endpoint has one.
  std::vector<std::unique_ptr<Balancer>> balancers_;  // One for each tier.
  std::uint64_t rebuilds_ = 0;
  base::Nanos next_slow_start_step_ = base::kForever;
  std::vector<std::uint16_t> excluded_;  // Of one choice; room for everybody.
  SessionQueue queue_;
  RetryBudget retry_budget_;
};

}  // namespace proxy
