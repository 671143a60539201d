// When to knock again at an endpoint that does not answer well: after 50 to 100 ms, then twice as
// long each time, up to 15 to 30 s. The second half of every wait is left to chance, so that the
// workers, and instances that saw the same outage, do not knock in step. No wait is longer than
// kLongest, chance included. One for each endpoint's pool; on the worker's thread.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/prng.h"
#include "base/time.h"

namespace proxy {

class Backoff {
 public:
  static constexpr base::Nanos kFirst = std::chrono::milliseconds(100);
  static constexpr base::Nanos kLongest = std::chrono::seconds(30);

  // A failure. While a wait is on it says nothing new: a dozen connects that fail together are one.
  void failed(base::Nanos now, base::Prng& prng);
  // The endpoint is well: the next failure waits shortest again.
  void succeeded() { *this = {}; }

  // There was a failure and no success since.
  bool failing() const { return failures_ > 0; }
  bool waiting(base::Nanos now) const { return failing() && now < until_; }
  // When the wait ends. Means nothing unless failing().
  base::Nanos until() const { return until_; }

 private:
  std::uint32_t failures_ = 0;
  base::Nanos until_{0};
};

}  // namespace proxy
