// Connections that stand ready before a session needs one. A raw TCP connection cannot be used
// again after a session, so each is used once; what a session saves is the connect. Owned by the
// worker, on its thread; used by the session runner. With pool.idle 0 an upstream has no pool, and
// none of this costs it anything.
//
// A pool is filled when its configuration is committed, refilled at the end of the turn in which it
// was drained, and looked after by one timer for each connection and one for each endpoint. A
// pooled connection is a connection that the limits count: it is never made where a limit leaves no
// place, and gives way to a session that needs the place (make_room).
//
// What a session and a pool hand to each other in one turn may still be named by an event of that
// turn's batch under its old tag: owner_now() knows.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/transport.h"
#include "base/intrusive_list.h"
#include "base/prng.h"
#include "base/slab.h"
#include "proxy/end_reason.h"
#include "proxy/endpoint_pool.h"
#include "proxy/evidence.h"
#include "proxy/snapshot.h"
#include "proxy/timer_wheel.h"
#include "proxy/upstream.h"

namespace proxy {

struct PoolsOptions {
  std::size_t worker = 0;
  std::uint64_t seed = 0;           // Of lifetimes and waits.
  std::size_t pooled_max = 1024;    // Connections of all pools of this worker.
  EvidenceLog* evidence = nullptr;  // Null: none is wanted.
};

// A connection that no client's byte has been on, and what is known of it.
struct ReadyConnection {
  backends::Connection connection;  // Empty: there was none.
  base::Nanos connected_at{0};
  base::Nanos connect_time{0};

  explicit operator bool() const { return static_cast<bool>(connection); }
};

// A connection that is being made.
struct DialUnderWay {
  backends::Connection connection;  // Empty: there was none.
  base::Nanos started{0};

  explicit operator bool() const { return static_cast<bool>(connection); }
};

class Pools {
 public:
  // How often limits are looked at again whose counts other workers change.
  static constexpr base::Nanos kLimitsInterval = std::chrono::milliseconds(20);

  Pools(const PoolsOptions& options, backends::Transport& transport);

  // Takes over a configuration. upstreams: of the same order as the snapshot's, which they have
  // applied already. Connections whose endpoint, addresses or socket options are no longer wanted
  // are closed. A pool connects with the socket options of the first listener of the file that
  // names its upstream; a session of a listener with others gets none from it.
  void apply(const SnapshotPtr& snapshot, std::span<const std::unique_ptr<Upstream>> upstreams);
  // The monitor has changed verdicts: pools of endpoints that may not be used are emptied.
  void verdicts_changed();

  // --- Sessions. Each names the owner of a new connection or gives one up; gauges follow at once.
  // The endpoint has a pool in which this listener's sessions take part.
  bool serves(const Endpoint& endpoint, const backends::TcpOptions& tcp);
  // A connection that stands and is alive; the caller retags it. Counts hit, miss and stale.
  ReadyConnection take(Endpoint& endpoint, const backends::TcpOptions& tcp);
  // After a take() that found none: the oldest connect under way that may still succeed soon, heard
  // by `owner` from now on.
  DialUnderWay join(Endpoint& endpoint, const backends::TcpOptions& tcp, backends::Tag owner);
  // A connect of a session's own whose client has gone. False: not wanted; nothing has changed.
  bool adopt(Endpoint& endpoint, DialUnderWay& dial, backends::Tag owner);
  // A connection that a session has not used. Closes it when it is not wanted.
  void give_back(Endpoint& endpoint, ReadyConnection ready);
  // For a session that has its places and takes no connection from here: closes connections of this
  // worker's pools until those are no more than max_sessions allows beside all sessions. False:
  // other workers' pools have too many; they give way within kLimitsInterval.
  bool make_room(Endpoint& endpoint);
  // For a session that found no place: gives up this worker's connects to the upstream where
  // max_connecting is what is full. True: a place may be free now.
  bool give_way(const Upstream& upstream);

  // --- Events whose tag is kPool. Stale ones are dropped.
  void connected(const backends::Event& event);
  void peer_closed(const backends::Event& event);
  // Who has what a tag of an event named when this turn began.
  backends::Tag owner_now(backends::Tag tag) const;

  // At the end of every turn: timers that are due, and connects instead of what was taken.
  void expire();
  // When expire() has something to do; a lower bound.
  base::Nanos next_deadline() const;

  // No connect begins any more; what stands may still be taken.
  void drain() { draining_ = true; }
  // Closes everything.
  void close_all();
  std::size_t size() const { return pooled_.size(); }

 private:
  struct Handover {
    backends::Tag from;
    backends::Tag to;
  };

  void apply_endpoint(UpstreamPool& shared, const EndpointPlan& plan, Endpoint& endpoint);
  void close_all_but(std::vector<base::SlotId> kept);
  void empty(EndpointPool& pool);
  static void show_target(EndpointPool& pool, std::uint32_t target);
  void shorten_lives(EndpointPool& pool);

  EndpointPool* find(const Endpoint& endpoint) { return endpoints_.find(endpoint.pool); }
  Pooled* add(EndpointPool& home);
  backends::Connection remove(Pooled& pooled);
  void stands(Pooled& pooled, base::Nanos connected_at, base::Nanos connect_time);
  void count(const Pooled& pooled, std::int64_t delta);
  bool dial(EndpointPool& pool);
  void dial_failed(Pooled& pooled, Cause cause);
  void died(Pooled& pooled);
  void discard(Pooled& pooled, Discard cause);
  void discard_one(EndpointPool& pool);
  void expired(Pooled& pooled);
  void mark_due(EndpointPool& pool);
  std::size_t adjust(EndpointPool& pool, std::size_t dials_max);
  void report(const EndpointPool& pool, Outcome outcome);

  PoolsOptions options_;
  backends::Transport& transport_;
  base::Prng prng_;
  SnapshotPtr snapshot_;  // What the plans belong to.
  TimerWheel lives_;      // Of Pooled.
  TimerWheel chores_;     // Of EndpointPool.
  std::vector<std::unique_ptr<UpstreamPool>> upstreams_;
  base::Slab<EndpointPool> endpoints_;
  base::Slab<Pooled> pooled_;
  base::IntrusiveList<EndpointPool, &EndpointPool::due_link> due_;  // adjust() them.
  std::vector<Handover> handovers_;                                 // Of this turn.
  std::size_t source_ = 0;  // Counts connects: sources take turns.
  bool draining_ = false;
};

}  // namespace proxy
