// How many lines a log may still write: a token bucket of one second, so that a burst of a second's
// worth passes and no more than the rate after it. A plain value of one thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace proxy {

class LineBudget {
 public:
  // rate: lines a second; 0: as many as anybody wants. Call it before a round of take().
  void refill(std::uint32_t rate, base::Nanos now) {
    if (rate != rate_) {
      rate_ = rate;
      lines_ = rate;
    } else {
      // At most a second's worth, so the product stays small.
      const base::Nanos passed = std::min<base::Nanos>(now - refilled_, std::chrono::seconds(1));
      lines_ = std::min<double>(rate, lines_ + rate * base::to_seconds(passed));
    }
    refilled_ = now;
  }

  bool take() {
    if (rate_ == 0) return true;
    if (lines_ < 1) return false;
    lines_ -= 1;
    return true;
  }

 private:
  std::uint32_t rate_ = 0;
  double lines_ = 0;
  base::Nanos refilled_{0};
};

}  // namespace proxy
