// One worker's pool of connections to one endpoint: which stand ready, which are on their way, and
// how many it would like to have. It decides nothing about the network; proxy/pools does the work.
// Owned by Pools, on the worker's thread.
//
// A session takes the connection that has waited longest. So under load every connection is used
// long before it is too old, and none is thrown away unused and made again; the newest first would
// leave the same old ones at the bottom to age. Each is used once, so there is nothing warm in the
// newest one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "backends/transport.h"
#include "base/intrusive_list.h"
#include "base/slab.h"
#include "base/time.h"
#include "proxy/backoff.h"
#include "proxy/demand.h"
#include "proxy/pool_share.h"
#include "proxy/snapshot.h"
#include "proxy/timer_wheel.h"
#include "proxy/worker_metrics.h"

namespace proxy {

struct EndpointPool;

// A connection that no session has used. Its timer is the end of the state it is in.
struct Pooled : TimerWheel::Timer {
  enum class State : std::uint8_t {
    kConnecting,  // Until connect.timeout.
    kOnProof,     // It stands, but the last ones failed: until it has stood for a while.
    kIdle         // Until it is too old.
  };
  base::SlotId id;
  State state = State::kConnecting;
  EndpointPool* home = nullptr;
  backends::Connection connection;
  base::Nanos started{0};       // Its connect.
  base::Nanos connected_at{0};  // Not while kConnecting, nor the two below.
  base::Nanos connect_time{0};
  base::Nanos retires_at{0};
  base::ListLink<Pooled> link;  // In its pool's ready or connecting.
};
using PooledList = base::IntrusiveList<Pooled, &Pooled::link>;

// What the pools of one upstream have in common.
struct UpstreamPool {
  const UpstreamPlan* plan = nullptr;
  UpstreamCells* cells = nullptr;
  backends::TcpOptions tcp;  // Of its connections: see Pools::apply().
  Sharer sharer;
  std::vector<base::SlotId> members;  // EndpointPools.

  // This worker's.
  std::int64_t size() const { return cells->pool_idle.value() + cells->pool_connecting.value(); }
};

// Its timer is the next time at which something about it changes by itself.
struct EndpointPool : TimerWheel::Timer {
  // Connects under way at a time while nobody asks: an endpoint is not flooded at the start. With
  // demand it may be as many as are predicted to be needed.
  static constexpr std::uint32_t kConnectingMin = 8;

  std::size_t size() const { return ready.size() + connecting.size(); }
  // Connections may be made to it: it has a weight, and the monitor has nothing against it.
  bool usable() const;
  // What it should have, ready and on the way; at most share_max.
  std::uint32_t target() const;
  // Connects to begin now, as far as the endpoint's own state goes.
  std::uint32_t missing(base::Nanos now) const;
  // Connections too many. A few more than the target are kept: they will be wanted again, and
  // closing and making one in turn is worse.
  std::uint32_t excess() const;
  // It wants a connection that it did not have to make.
  bool wants() const { return usable() && !backoff.failing() && size() < target(); }
  // When time alone changes any of the above; kForever when it does not.
  base::Nanos next_change(base::Nanos now) const;

  base::SlotId id;
  UpstreamPool* upstream = nullptr;
  const EndpointPlan* plan = nullptr;  // Of the snapshot in force.
  EndpointCells* cells = nullptr;
  std::uint32_t share = 0;      // Of pool.idle: kept also without demand,
  std::uint32_t share_max = 0;  // and of pool.idle_max.
  Sharer sharer;
  Demand demand;
  Backoff backoff;
  std::uint32_t shown_target = 0;  // In the upstream's gauge.
  std::uint32_t on_proof = 0;      // Of those in ready.
  PooledList ready;                // The one that has waited longest is first.
  PooledList connecting;           // In the order in which they began.
  base::ListLink<EndpointPool> due_link;
};

}  // namespace proxy
