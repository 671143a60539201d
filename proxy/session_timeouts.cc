#include "proxy/session_timeouts.h"

#include <algorithm>

namespace proxy {
namespace {

using base::Nanos;

bool due(Nanos since, Nanos timeout, Nanos now) {
  return timeout > Nanos{0} && since + timeout <= now;
}

}  // namespace

bool lifetime_over(const Session& session, Nanos now) {
  return due(session.accepted_at, session.rules->timeouts.lifetime, now);
}

Nanos deadline_within_lifetime(const Session& session, Nanos now, Nanos timeout) {
  const Nanos deadline = now + timeout;
  if (session.rules->timeouts.lifetime == Nanos{0}) return deadline;
  return std::min(deadline, session.accepted_at + session.rules->timeouts.lifetime);
}

Nanos relay_deadline(const Session& session, Nanos now) {
  const config::Timeouts& timeouts = session.rules->timeouts;
  const backends::RelayProgress& progress = session.progress;
  Nanos deadline = base::kForever;
  if (timeouts.idle > Nanos{0}) deadline = std::min(deadline, progress.last_active + timeouts.idle);
  if (timeouts.lifetime > Nanos{0}) {
    deadline = std::min(deadline, session.accepted_at + timeouts.lifetime);
  }
  if (timeouts.half_close > Nanos{0}) {
    // No event tells of the first FIN. Looking once per half_close is enough: a FIN since the last
    // look is not older than that, so its own deadline is still ahead.
    const Nanos since = progress.half_closed > Nanos{0}
                            ? std::max(progress.half_closed, progress.last_active)
                            : now;
    deadline = std::min(deadline, since + timeouts.half_close);
  }
  return deadline;
}

std::optional<EndReason> relay_expired(const Session& session, Nanos now) {
  const config::Timeouts& timeouts = session.rules->timeouts;
  const backends::RelayProgress& progress = session.progress;
  if (lifetime_over(session, now)) return EndReason{Actor::kProxy, Cause::kLifetime};
  const Nanos silent_since = std::max(progress.half_closed, progress.last_active);
  if (progress.half_closed > Nanos{0} && due(silent_since, timeouts.half_close, now)) {
    return EndReason{Actor::kProxy, Cause::kHalfCloseTimeout};
  }
  if (due(progress.last_active, timeouts.idle, now)) return EndReason{Actor::kProxy, Cause::kIdle};
  return std::nullopt;
}

}  // namespace proxy
