// What a session needs until its relay begins and not afterwards. It is kept apart from the
// session, because nearly all sessions of a busy worker are in a relay, and most of those are idle:
// their number times their size is the worker's memory. Plain data, owned by the session runner, on
// the worker's thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "backends/transport.h"
#include "base/address.h"
#include "base/slab.h"
#include "base/time.h"
#include "config/config.h"
#include "proxy/session_queue.h"

namespace proxy {

struct Session;

struct SessionSetup : SessionQueue::Waiter {
  base::SlotId id;
  Session* session = nullptr;  // Whose it is.

  backends::Connection client_connection;  // Until the relay takes them.
  backends::Connection upstream_connection;
  std::array<std::uint16_t, config::kAttemptsMax>
      tried{};                                 // Indices of Session::attempts endpoints.
  const std::string* endpoint_name = nullptr;  // Of the last attempt; lives in the metrics catalog.
  base::Nanos connect_started{0};              // Of the last attempt.
  base::IpPort destination;                    // The endpoint's address with original_dst.
};

}  // namespace proxy
