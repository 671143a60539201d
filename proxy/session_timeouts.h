// When a session has waited long enough: pure functions of a session and the time. The runner arms
// its timer with the deadlines and asks again when one has passed. Any thread that owns the
// session.
#pragma once

#include <optional>

#include "base/time.h"
#include "proxy/end_reason.h"
#include "proxy/session.h"

namespace proxy {

// The configured lifetime is over. Never when it is 0.
bool lifetime_over(const Session& session, base::Nanos now);

// A wait that begins now and may take so long, cut short by the session's lifetime.
base::Nanos deadline_within_lifetime(const Session& session, base::Nanos now, base::Nanos timeout);

// When a session in a relay must be looked at again; kForever: never.
base::Nanos relay_deadline(const Session& session, base::Nanos now);

// Why a session in a relay is to end now; nothing while it may go on.
std::optional<EndReason> relay_expired(const Session& session, base::Nanos now);

}  // namespace proxy
