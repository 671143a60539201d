// How long operations took: counts in buckets whose width grows with the value, so that a run of
// any length takes the same memory and a percentile is never more than 1 % off. Owned by one run of
// the load generator, on its thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace bench {

class LatencyHistogram {
 public:
  // Negative times count as zero; times above kLongest count as kLongest.
  void record(base::Nanos latency);

  // The latency that the given share of all operations did not exceed: 0.99 for p99. Zero when
  // nothing was recorded. 0 <= share <= 1.
  base::Nanos percentile(double share) const;

  base::Nanos max() const { return max_; }
  std::uint64_t count() const { return count_; }

 private:
  // 128 steps for each power of two: half a step is 0.4 % of the value.
  static constexpr unsigned kStepBits = 7;
  static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
  // 2^36 ns is 68 s, longer than any run may last.
  static constexpr unsigned kLongestBits = 36;
  static constexpr std::size_t kBuckets = (kLongestBits - kStepBits + 1) * kSteps;

  static std::size_t bucket_of(std::uint64_t nanoseconds);
  static std::uint64_t middle_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  base::Nanos max_{0};
};

}  // namespace bench
