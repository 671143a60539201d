#include "proxy/watchdog.h"

namespace proxy {

Watchdog::Watchdog(base::Nanos timeout, base::Nanos now)
    : timeout_(timeout), next_(timeout.count() > 0 ? now : base::kForever) {}

Watchdog::Step Watchdog::step(base::Nanos now, bool answered) {
  if (now < next_) return Step::kNothing;
  if (!asked_) {
    asked_ = true;
    next_ = now + between_looks();
    return Step::kAsk;
  }
  if (!answered) {
    next_ = now + between_looks();
    return Step::kNothing;
  }
  asked_ = false;
  next_ = now + before_asking();
  return Step::kAlive;
}

}  // namespace proxy
