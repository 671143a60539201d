// See latency_histogram.h. Values below kSteps have a bucket each; above, the bucket is the
// position of the highest bit and the kStepBits bits after it.
#include "tests/bench/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/assert.h"

namespace bench {

void LatencyHistogram::record(base::Nanos latency) {
  const auto nanoseconds =
      static_cast<std::uint64_t>(std::max<base::Nanos::rep>(latency.count(), 0));
  ++buckets_.at(bucket_of(nanoseconds));
  ++count_;
  max_ = std::max(max_, latency);
}

base::Nanos LatencyHistogram::percentile(double share) const {
  CHECK(share >= 0 && share <= 1);
  if (count_ == 0) return base::Nanos{0};
  const auto wanted = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_.at(bucket);
    if (seen >= wanted) return std::min(max_, base::Nanos{middle_of(bucket)});
  }
  return max_;
}

std::size_t LatencyHistogram::bucket_of(std::uint64_t nanoseconds) {
  const std::uint64_t value = std::min(nanoseconds, (std::uint64_t{1} << kLongestBits) - 1);
  if (value < kSteps) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
  return (shift + 1) * kSteps + static_cast<std::size_t>((value >> shift) - kSteps);
}

std::uint64_t LatencyHistogram::middle_of(std::size_t bucket) {
  if (bucket < kSteps) return bucket;
  const std::size_t shift = bucket / kSteps - 1;
  const std::uint64_t low = (kSteps + bucket % kSteps) << shift;
  return low + (std::uint64_t{1} << shift) / 2;
}

}  // namespace bench
