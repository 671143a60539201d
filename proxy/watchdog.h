// When a service manager's watchdog may be told that all is well: decided by time and by what the
// workers answer, without doing either. Owned by ServiceManager; main thread.
//
// A worker that sleeps in poll() with nothing to do is alive, and one that spins is not, so neither
// its counters nor its clock can tell. It is asked instead, through the mailbox that brings it
// everything else: whoever answers turns, wakes up, and would take the next configuration too. That
// costs a worker one wake-up for each half of the watchdog's time.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace proxy {

class Watchdog {
 public:
  enum class Step : std::uint8_t {
    kNothing,
    kAsk,   // Ask every worker.
    kAlive  // They have all answered: tell the service manager.
  };

  // timeout: how long the service manager waits for a message before it acts; 0: it has no
  // watchdog.
  Watchdog(base::Nanos timeout, base::Nanos now);

  // answered: every worker has answered what it was last asked.
  Step step(base::Nanos now, bool answered);

  // When to call step() again.
  base::Nanos next() const { return next_; }

 private:
  // Asked early enough that a worker that answers at once makes it a message for each half of the
  // timeout. One that is busy has what is left of the timeout, looked at so often.
  base::Nanos before_asking() const { return timeout_ * 9 / 20; }
  base::Nanos between_looks() const { return timeout_ / 20; }

  base::Nanos timeout_;
  base::Nanos next_;
  bool asked_ = false;
};

}  // namespace proxy
