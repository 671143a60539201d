#include "metrics/counter.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace metrics {
namespace {

TEST(Counter, StartsAtZeroAndAdds) {
  Counter counter;
  EXPECT_EQ(counter.value(), 0U);
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.value(), 42U);
}

TEST(Counter, TakesOverATotalThatIsCountedElsewhere) {
  Counter counter;
  counter.set_total(7);
  counter.add(3);
  EXPECT_EQ(counter.value(), 10U);
}

TEST(Counter, NeverFallsForAReaderOnAnotherThread) {
  constexpr std::uint64_t kTotal = 200'000;
  Counter counter;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kTotal; ++i) counter.add();
  });
  std::uint64_t seen = 0;
  bool fell = false;
  while (seen < kTotal) {
    const std::uint64_t now = counter.value();
    fell |= now < seen;
    seen = now;
  }
  writer.join();
  EXPECT_FALSE(fell);
  EXPECT_EQ(counter.value(), kTotal);
}

TEST(Gauge, GoesUpAndDownAndBelowZero) {
  Gauge gauge;
  gauge.add(5);
  gauge.add(-7);
  EXPECT_EQ(gauge.value(), -2);
  gauge.set(9);
  EXPECT_EQ(gauge.value(), 9);
}

}  // namespace
}  // namespace metrics
