// The pair of a client and an upstream connection, from accept to end. Plain data: nothing about a
// session hides in a callback, so it can be listed, counted, and one day handed to another process.
// Owned by the worker's session table; on the worker's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "backends/transport.h"
#include "base/slab.h"
#include "config/config.h"
#include "proxy/access_record.h"
#include "proxy/end_reason.h"
#include "proxy/listener.h"
#include "proxy/session_queue.h"
#include "proxy/timer_wheel.h"
#include "proxy/upstream.h"

namespace proxy {

// The state says which places of the upstream's limits the session holds (upstream.h).
enum class SessionState : std::uint8_t {
  kQueued,        // None: it is new, or waits in the upstream's queue.
  kAwaitingRoom,  // All, but pools of other workers have yet to give up a connection for it.
  kConnecting,    // All: to the endpoint, perhaps not the first one.
  kRelaying,      // Those of a session: the transport has both connections.
  kAborting       // We have ended the relay and wait to hear so; ending says why.
};

struct Session : TimerWheel::Timer, SessionQueue::Waiter {
  base::SlotId id;
  SessionState state = SessionState::kQueued;
  std::uint8_t attempts = 0;                          // Endpoints tried, this one included.
  EndReason ending{Actor::kProxy, Cause::kInternal};  // The last failed attempt's, or why we abort.
  std::array<std::uint16_t, config::kAttemptsMax> tried{};  // Their indices.

  Listener* listener = nullptr;
  Upstream* upstream = nullptr;  // The listener's at accept: a reload does not move a session.
  Endpoint* endpoint = nullptr;  // Null between two attempts, and in the queue.
  const std::string* endpoint_name = nullptr;  // Of the last attempt; lives in the metrics catalog.
  RouteCells* route_cells = nullptr;
  const RouteSeries* route = nullptr;

  backends::Connection client_connection;  // Until the relay takes them.
  backends::Connection upstream_connection;
  backends::RelayId relay = backends::RelayId::kNone;
  backends::RelayProgress progress;
  std::array<std::uint64_t, backends::kDirections> folded{};  // Of progress.bytes: already counted.

  base::IpPort client;
  base::IpPort local;        // Where the client connected to; for the access log.
  base::IpPort destination;  // The endpoint's address with original_dst.

  base::Nanos accepted_at{0};
  base::Nanos connect_started{0};  // Of the last attempt.
  base::Nanos relay_started{0};    // 0: never got there.
  base::Nanos path_looked_at{0};   // When the way to the upstream was last looked at.
  std::uint32_t retransmits = 0;   // What it said then.
  PoolUse pool = PoolUse::kMiss;   // Where upstream_connection came from,
  base::Nanos connected_at{0};     // since when it stands,
  base::Nanos connect_time{0};     // and how long its connect took.
  config::Timeouts timeouts;       // The listener's at accept.

  // Indices of the endpoints that have been tried.
  std::span<const std::uint16_t> tried_endpoints() const { return {tried.data(), attempts}; }
};

}  // namespace proxy
