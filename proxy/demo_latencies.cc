#include "proxy/demo_latencies.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

namespace proxy {

// Values below kSteps have a bucket each. Above, the bits after the highest one choose the bucket
// within its power of two.
std::size_t DemoLatencies::bucket_of(std::uint64_t nanoseconds) {
  if (nanoseconds < kSteps) return nanoseconds;
  const auto power = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1;
  const unsigned shift = power - kStepBits;
  return (shift + 1) * kSteps + ((nanoseconds >> shift) - kSteps);
}

std::uint64_t DemoLatencies::middle_of(std::size_t bucket) {
  if (bucket < kSteps) return bucket;
  const auto shift = static_cast<unsigned>(bucket / kSteps) - 1;
  const std::uint64_t low = (kSteps + bucket % kSteps) << shift;
  return low + ((std::uint64_t{1} << shift) >> 1U);
}

void DemoLatencies::record(base::Nanos time) {
  constexpr base::Nanos kLongest = std::chrono::minutes(1);
  const auto clamped = std::clamp(time, base::Nanos{0}, kLongest);
  ++buckets_[bucket_of(static_cast<std::uint64_t>(clamped.count()))];
  ++count_;
}

base::Nanos DemoLatencies::percentile(double share) const {
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += buckets_[bucket];
    if (seen > 0 && seen >= rank) return base::Nanos(static_cast<std::int64_t>(middle_of(bucket)));
  }
  return base::Nanos{0};
}

}  // namespace proxy
