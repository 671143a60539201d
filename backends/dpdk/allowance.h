// How often something may be done: so many times a second, and a burst of as many at once. What
// strangers can make us send goes through one. Two words, one comparison, no timer. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/assert.h"
#include "base/time.h"

namespace backends::dpdk {

class Allowance {
 public:
  // Both above zero.
  Allowance(std::uint32_t per_second, std::uint32_t burst)
      : cost_(base::Nanos(std::chrono::seconds(1)) / checked(per_second)),
        ahead_max_(cost_ * (checked(burst) - 1)) {}

  // True, and counted, when it may be done now. `now` does not go back.
  bool take(base::Nanos now) {
    const base::Nanos from = std::max(paid_until_, now);
    if (from - now > ahead_max_) return false;
    paid_until_ = from + cost_;
    return true;
  }

 private:
  static std::int64_t checked(std::uint32_t count) {
    CHECK(count > 0);
    return count;
  }

  base::Nanos cost_;       // The time that pays for one.
  base::Nanos ahead_max_;  // How far a burst may run ahead of the time.
  base::Nanos paid_until_{0};
};

}  // namespace backends::dpdk
