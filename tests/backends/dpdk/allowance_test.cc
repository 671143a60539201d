// How often something may be done.
#include "backends/dpdk/allowance.h"

#include <gtest/gtest.h>

namespace {

using backends::dpdk::Allowance;
using base::Nanos;
using std::chrono::milliseconds;
using std::chrono::seconds;

int taken(Allowance& allowance, Nanos now) {
  int count = 0;
  while (count < 1000 && allowance.take(now)) ++count;
  return count;
}

TEST(Allowance, ABurstIsAllowedAtOnceAndNoMore) {
  Allowance allowance(10, 3);
  EXPECT_EQ(taken(allowance, seconds(5)), 3);
}

TEST(Allowance, OneComesBackWithItsShareOfASecond) {
  Allowance allowance(10, 3);
  EXPECT_EQ(taken(allowance, seconds(5)), 3);
  EXPECT_EQ(taken(allowance, seconds(5) + milliseconds(99)), 0);
  EXPECT_EQ(taken(allowance, seconds(5) + milliseconds(100)), 1);
  EXPECT_EQ(taken(allowance, seconds(5) + milliseconds(300)), 2);
}

TEST(Allowance, ALongRestGivesNoMoreThanABurst) {
  Allowance allowance(10, 3);
  EXPECT_EQ(taken(allowance, seconds(5)), 3);
  EXPECT_EQ(taken(allowance, seconds(5000)), 3);
}

TEST(AllowanceDeathTest, NothingPerSecondIsAProgrammersError) {
  EXPECT_DEATH(Allowance(0, 1), "count > 0");
}

}  // namespace
