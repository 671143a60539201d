// At most so many in each second of the core's clock: for answers that a stranger can provoke.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace backends::dpdk::splice_core {

class RateLimit {
 public:
  explicit RateLimit(std::uint32_t per_second) : per_second_(per_second) {}

  bool allow(base::Nanos now) {
    if (now >= window_ends_) {
      window_ends_ = now + std::chrono::seconds(1);
      used_ = 0;
    }
    if (used_ >= per_second_) return false;
    ++used_;
    return true;
  }

 private:
  std::uint32_t per_second_;
  std::uint32_t used_ = 0;
  base::Nanos window_ends_{0};
};

}  // namespace backends::dpdk::splice_core
