#include "proxy/demo_latencies.h"

#include <gtest/gtest.h>

#include <chrono>

namespace {

using namespace std::chrono_literals;

TEST(DemoLatencies, HasNothingToSayBeforeTheFirst) {
  const proxy::DemoLatencies latencies;
  EXPECT_EQ(latencies.count(), 0U);
  EXPECT_EQ(latencies.percentile(0.99), 0ns);
}

TEST(DemoLatencies, FindsPercentilesWithinTwoPercent) {
  proxy::DemoLatencies latencies;
  for (int i = 1; i <= 100'000; ++i) latencies.record(i * 1us);
  EXPECT_EQ(latencies.count(), 100'000U);
  for (const double share : {0.001, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double expected = share * 100'000 * 1000;
    const auto found = static_cast<double>(latencies.percentile(share).count());
    EXPECT_NEAR(found, expected, expected * 0.02) << share;
  }
}

TEST(DemoLatencies, KeepsSmallTimesExactly) {
  for (int i = 0; i < 32; ++i) {
    proxy::DemoLatencies latencies;
    latencies.record(i * 1ns);
    EXPECT_EQ(latencies.percentile(0.5), i * 1ns);
  }
}

TEST(DemoLatencies, TakesTimesThatCannotBe) {
  proxy::DemoLatencies latencies;
  latencies.record(-5ms);
  EXPECT_EQ(latencies.percentile(1), 0ns);
  latencies.record(24h);
  EXPECT_NEAR(base::to_seconds(latencies.percentile(1)), 60, 1.2);
}

TEST(DemoLatencies, IsNotFooledByOneSlowRoundTripInAThousand) {
  proxy::DemoLatencies latencies;
  for (int i = 0; i < 999; ++i) latencies.record(1ms);
  latencies.record(1s);
  EXPECT_NEAR(base::to_seconds(latencies.percentile(0.999)), 0.001, 0.00002);
  EXPECT_NEAR(base::to_seconds(latencies.percentile(1)), 1, 0.02);
}

}  // namespace
