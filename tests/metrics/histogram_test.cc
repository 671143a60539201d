#include "metrics/histogram.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace metrics {
namespace {

using base::Nanos;

TEST(Histogram, PutsATimeEqualToABoundBelowThatBound) {
  for (std::size_t i = 0; i < kLatencyBounds.size(); ++i) {
    LatencyHistogram histogram;
    histogram.observe(kLatencyBounds[i]);
    EXPECT_EQ(histogram.snapshot().counts[i], 1U) << "bound " << i;
    histogram.observe(kLatencyBounds[i] + Nanos(1));
    EXPECT_EQ(histogram.snapshot().counts[i + 1], 1U) << "bound " << i;
  }
}

TEST(Histogram, CountsWhatIsLongerThanEveryBound) {
  DurationHistogram histogram;
  histogram.observe(std::chrono::hours(24 * 400));
  EXPECT_EQ(histogram.snapshot().counts.back(), 1U);
  EXPECT_EQ(histogram.snapshot().count(), 1U);
}

TEST(Histogram, TakesANegativeTimeForTheShortest) {
  LatencyHistogram histogram;
  histogram.observe(Nanos(-5));
  EXPECT_EQ(histogram.snapshot().counts.front(), 1U);
  EXPECT_EQ(histogram.snapshot().sum_seconds, 0.0);
}

TEST(Histogram, SumsSeconds) {
  LatencyHistogram histogram;
  histogram.observe(std::chrono::milliseconds(1500));
  histogram.observe(std::chrono::microseconds(250));
  EXPECT_DOUBLE_EQ(histogram.snapshot().sum_seconds, 1.50025);
}

TEST(Histogram, DoesNotOverflowOnManyLongSessions) {
  DurationHistogram histogram;
  constexpr int kSessions = 300'000;  // Of one day each: more nanoseconds than 64 bits hold.
  for (int i = 0; i < kSessions; ++i) histogram.observe(std::chrono::hours(24));
  EXPECT_NEAR(histogram.snapshot().sum_seconds, kSessions * 86'400.0, 1.0);
}

TEST(Histogram, MergesTheSnapshotsOfSeveralWorkers) {
  LatencyHistogram first;
  LatencyHistogram second;
  first.observe(std::chrono::milliseconds(1));
  second.observe(std::chrono::milliseconds(1));
  second.observe(std::chrono::seconds(60));
  LatencySnapshot all = first.snapshot();
  all.merge(second.snapshot());
  EXPECT_EQ(all.count(), 3U);
  EXPECT_EQ(all.counts[3], 2U);
  EXPECT_EQ(all.counts.back(), 1U);
  EXPECT_DOUBLE_EQ(all.sum_seconds, 60.002);
}

TEST(Histogram, ShowsItsBoundsAndCounts) {
  LatencyHistogram histogram;
  histogram.observe(std::chrono::microseconds(1));
  const LatencySnapshot snapshot = histogram.snapshot();
  const HistogramView view = snapshot.view();
  EXPECT_EQ(view.bounds.size() + 1, view.counts.size());
  EXPECT_EQ(view.bounds.front(), kLatencyBounds.front());
  EXPECT_EQ(view.counts.front(), 1U);
}

TEST(Histogram, IsReadWhileItsWriterGoesOn) {
  constexpr std::uint64_t kTotal = 100'000;
  LatencyHistogram histogram;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kTotal; ++i) histogram.observe(std::chrono::seconds(i % 40));
  });
  std::uint64_t seen = 0;
  bool fell = false;
  while (seen < kTotal) {
    const std::uint64_t now = histogram.snapshot().count();
    fell |= now < seen;
    seen = now;
  }
  writer.join();
  EXPECT_FALSE(fell);
}

TEST(Histogram, StaysWithinThreeCacheLines) {
  EXPECT_LE(sizeof(LatencyHistogram), 3U * 64U);
  EXPECT_LE(sizeof(DurationHistogram), 2U * 64U);
}

}  // namespace
}  // namespace metrics
