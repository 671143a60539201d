// What a session adds to the counters while it lasts and when it ends: its bytes, and what the
// kernel knows of the way to its endpoint (TCP_INFO). On the worker's thread.
#pragma once

#include "backends/transport.h"
#include "base/time.h"
#include "proxy/session.h"

namespace proxy {

// A look at the way costs a system call: at most one a minute while a long session lasts. Its end
// brings the facts with the transport's event.
inline constexpr base::Nanos kPathInterval = std::chrono::minutes(1);

// How long it took until it can talk, when it begins to.
void count_setup(Session& session, base::Nanos now);

// Adds the bytes that have moved since the last call.
void count_moved(Session& session);

// It is being relayed and its way was not looked at for kPathInterval.
bool path_look_due(const Session& session, base::Nanos now);

// Counts the facts at the session's endpoint: retransmits as the difference to the last time. Facts
// without a round trip time say nothing and are left out.
void count_path(Session& session, const backends::PathFacts& facts, base::Nanos now);

}  // namespace proxy
