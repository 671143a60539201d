// How long the demo's round trips took: counts in buckets whose width grows with the value, so that
// a run of any length takes the same memory and a percentile is at most 2 % off. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace proxy {

class DemoLatencies {
 public:
  // Times above a minute count as a minute; negative ones as zero.
  void record(base::Nanos time);

  std::uint64_t count() const { return count_; }
  // The time that this share of the round trips did not exceed (0.99 for p99), to the middle of a
  // bucket. Zero when nothing was recorded. 0 < share <= 1.
  base::Nanos percentile(double share) const;

 private:
  // 32 buckets for each power of two.
  static constexpr unsigned kStepBits = 5;
  static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
  static constexpr unsigned kTopBits = 36;  // 2^36 ns is 68 s.
  static constexpr std::size_t kBuckets = (kTopBits - kStepBits + 1) * kSteps;

  static std::size_t bucket_of(std::uint64_t nanoseconds);
  static std::uint64_t middle_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
};

}  // namespace proxy
