// The pair of a client and an upstream connection, from accept to end. Plain data: nothing about a
// session hides in a callback, so it can be listed, counted, and one day handed to another process.
// Owned by the worker's session table; on the worker's thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "backends/transport.h"
#include "base/address.h"
#include "base/slab.h"
#include "base/time.h"
#include "proxy/access_record.h"
#include "proxy/end_reason.h"
#include "proxy/listener.h"
#include "proxy/session_setup.h"
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

// An idle session costs these bytes and little else, so what many sessions share is in `rules`, and
// what only a session without a relay needs is in `setup`. A test holds the size.
struct Session : TimerWheel::Timer {
  base::SlotId id;
  SessionState state = SessionState::kQueued;
  std::uint8_t attempts = 0;                          // Endpoints tried, this one included.
  EndReason ending{Actor::kProxy, Cause::kInternal};  // The last failed attempt's, or why we abort.
  std::uint32_t retransmits = 0;                      // What was said at path_looked_at.

  SessionRules* rules = nullptr;  // The listener's at accept: a reload does not move a session.
  Endpoint* endpoint = nullptr;   // Null between two attempts, and in the queue.
  // Null as soon as the relay has begun; but with original_dst it stays to the end, because the
  // access log prints the destination.
  SessionSetup* setup = nullptr;

  backends::RelayId relay = backends::RelayId::kNone;
  backends::RelayProgress progress;
  std::array<std::uint64_t, backends::kDirections> folded{};  // Of progress.bytes: already counted.

  base::IpPort client;
  base::IpPort local;  // Where the client connected to; for the access log.

  base::Nanos accepted_at{0};
  base::Nanos relay_started{0};   // 0: never got there.
  base::Nanos path_looked_at{0};  // When the way to the upstream was last looked at.
  base::Nanos connected_at{0};    // Since when the upstream connection stands,
  base::Nanos connect_time{0};    // how long its connect took,
  PoolUse pool = PoolUse::kMiss;  // and where it came from.

  Listener& listener() const { return *rules->listener; }
  Upstream& upstream() const { return *rules->upstream; }

  // Indices of the endpoints that have been tried. Only while there is a setup.
  std::span<const std::uint16_t> tried_endpoints() const { return {setup->tried.data(), attempts}; }
};

}  // namespace proxy
