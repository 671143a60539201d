// Why a session ended: who did it, and how. One enumeration for the metric, the access log and the
// admin API. The words are public (docs/metrics.md): dashboards depend on them, so a cause that
// only later work can produce has its word already. Plain values, any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/errno.h"

namespace proxy {

enum class Actor : std::uint8_t { kClient, kUpstream, kProxy, kAdmin, kCount };

enum class Cause : std::uint8_t {
  kEof,                 // Said goodbye with a FIN; every byte was delivered.
  kReset,               // Sent a RST.
  kIdle,                // No payload for timeouts.idle.
  kLifetime,            // Lived for timeouts.lifetime.
  kHalfCloseTimeout,    // One side had closed; the other was silent for timeouts.half_close.
  kFirstBytesTimeout,   // The client did not send what the route needs to see.
  kConnectRefused,      // The last attempt to connect was answered with a refusal,
  kConnectTimeout,      // with nothing in time,
  kConnectUnreachable,  // or found no way there.
  kNoEndpoint,          // The upstream had no endpoint to try.
  kQueueFull,
  kQueueTimeout,
  kLimit,   // A limit of the configuration.
  kDenied,  // allow and deny.
  kBadProxyHeader,
  kBadClientHello,
  kDrain,     // The proxy stops, and its time to drain is over.
  kRemoved,   // The listener or the endpoint went with a reload.
  kResource,  // Descriptors, memory or local ports ran out.
  kInternal,  // The engine could not go on.
  kCount
};

struct EndReason {
  Actor actor = Actor::kProxy;
  Cause cause = Cause::kInternal;

  friend bool operator==(const EndReason&, const EndReason&) = default;
};

// "client", "half_close_timeout": lower case with underscores. The value must not be kCount.
std::string_view name(Actor actor);
std::string_view name(Cause cause);

// What an error of a connect attempt means. error must not be kNone. An error that connect(2) does
// not document for a remote failure is kInternal.
Cause cause_of_connect_error(base::Errno error);

}  // namespace proxy
