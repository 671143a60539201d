// The histogram against sorted values: what it rounds must stay within one percent.
#include "tests/bench/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/prng.h"

namespace bench {
namespace {

using base::Nanos;

TEST(LatencyHistogram, SaysZeroWhenNothingWasRecorded) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.percentile(0.99), Nanos{0});
  EXPECT_EQ(histogram.max(), Nanos{0});
}

TEST(LatencyHistogram, KeepsSmallValuesExactly) {
  LatencyHistogram histogram;
  for (int value = 1; value <= 100; ++value) histogram.record(Nanos{value});
  EXPECT_EQ(histogram.percentile(0.5), Nanos{50});
  EXPECT_EQ(histogram.percentile(0.99), Nanos{99});
  EXPECT_EQ(histogram.percentile(1), Nanos{100});
}

TEST(LatencyHistogram, PercentilesOfWidelySpreadValuesAreWithinOnePercent) {
  LatencyHistogram histogram;
  base::Prng prng(1);
  std::vector<std::uint64_t> values(100'000);
  for (auto& value : values) {
    value = prng.between(1, std::uint64_t{1} << prng.between(1, 35));
    histogram.record(Nanos{value});
  }
  std::sort(values.begin(), values.end());
  for (const double share : {0.5, 0.9, 0.99, 0.999}) {
    const auto exact = static_cast<double>(
        values.at(static_cast<std::size_t>(share * static_cast<double>(values.size())) - 1));
    const auto found = static_cast<double>(histogram.percentile(share).count());
    EXPECT_NEAR(found, exact, exact * 0.01 + 1) << share;
  }
  EXPECT_EQ(histogram.max().count(), values.back());
  EXPECT_EQ(histogram.count(), values.size());
}

TEST(LatencyHistogram, CountsImpossiblyLongAndNegativeTimes) {
  LatencyHistogram histogram;
  histogram.record(Nanos{-5});
  histogram.record(std::chrono::hours{1});
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.percentile(0.5), Nanos{0});
  EXPECT_EQ(histogram.max(), Nanos{std::chrono::hours{1}});
}

}  // namespace
}  // namespace bench
