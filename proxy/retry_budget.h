// How many retries an upstream's sessions may make, so that one which is down does not get a
// multiple of its usual connects on top. Part of an Upstream, on its worker's thread: plain
// arithmetic on the worker's own time, no clock, no allocation.
//
// A bucket of retries: each session adds `percent` hundredths of one, each second adds
// kFreePerSecond, and it holds kReserve at most. It is full at first: a few sessions must not fail
// because they are the first ones.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace proxy {

class RetryBudget {
 public:
  // A worker's. Low enough that a dead service does not feel it, and plenty for a quiet one.
  static constexpr std::int64_t kFreePerSecond = 10;
  // Ten seconds of the above: what it takes until a broken endpoint is found out.
  static constexpr std::int64_t kReserve = 100;

  void session_began(std::uint32_t percent) { add(percent); }

  // Takes one retry out when there is one. now must not go back.
  bool spend(base::Nanos now) {
    // The reserve is full after kReserve / kFreePerSecond seconds, however many have passed.
    const auto passed = std::min<std::int64_t>((now - filled_at_) / kGrain, kGrains);
    if (passed > 0) {
      filled_at_ = now;
      add(passed);
    }
    if (hundredths_ < kOne) return false;
    hundredths_ -= kOne;
    return true;
  }

 private:
  static constexpr std::int64_t kOne = 100;
  // The time that brings one hundredth.
  static constexpr base::Nanos kGrain =
      base::Nanos(std::chrono::seconds(1)) / (kOne * kFreePerSecond);
  static constexpr std::int64_t kGrains = kReserve * kOne;

  void add(std::int64_t hundredths) {
    hundredths_ = std::min(hundredths_ + hundredths, kReserve * kOne);
  }

  std::int64_t hundredths_ = kReserve * kOne;
  base::Nanos filled_at_{0};
};

}  // namespace proxy
