// The monotonic clock and its unit.
#include "base/time.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): literals only.

TEST(Time, NeverGoesBack) {
  base::Nanos last = base::monotonic_now();
  for (int i = 0; i < 10'000; ++i) {
    const base::Nanos now = base::monotonic_now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Time, IsTheKernelsMonotonicClock) {
  const auto kernel = [] {
    timespec time{};
    EXPECT_EQ(clock_gettime(CLOCK_MONOTONIC, &time), 0);
    return std::chrono::seconds(time.tv_sec) + base::Nanos(time.tv_nsec);
  };
  const base::Nanos before = kernel();
  const base::Nanos ours = base::monotonic_now();
  const base::Nanos after = kernel();
  EXPECT_LE(before, ours);
  EXPECT_LE(ours, after);
}

TEST(Time, CountsSecondsForMetrics) {
  EXPECT_DOUBLE_EQ(base::to_seconds(1500ms), 1.5);
  EXPECT_DOUBLE_EQ(base::to_seconds(250us), 0.00025);
  EXPECT_DOUBLE_EQ(base::to_seconds(0ns), 0.0);
}

TEST(Time, HasAForeverLongerThanAnyWait) { EXPECT_GT(base::kForever, 24h * 365 * 200); }

}  // namespace
