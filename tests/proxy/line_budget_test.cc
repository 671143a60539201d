#include "proxy/line_budget.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

int take_all(LineBudget& budget, int most) {
  int taken = 0;
  while (taken < most && budget.take()) ++taken;
  return taken;
}

TEST(LineBudget, ASecondsWorthAtOnceAndThenTheRate) {
  LineBudget budget;
  budget.refill(100, seconds(5));
  EXPECT_EQ(take_all(budget, 1000), 100);
  budget.refill(100, seconds(5) + milliseconds(250));
  EXPECT_EQ(take_all(budget, 1000), 25);
  budget.refill(100, seconds(500));
  EXPECT_EQ(take_all(budget, 1000), 100) << "what was not used is not saved up";
}

TEST(LineBudget, OfNoRateIsWithoutEnd) {
  LineBudget budget;
  budget.refill(0, seconds(1));
  EXPECT_EQ(take_all(budget, 1000), 1000);
}

TEST(LineBudget, ANewRateHoldsAtOnce) {
  LineBudget budget;
  budget.refill(0, seconds(1));
  budget.refill(7, seconds(1));
  EXPECT_EQ(take_all(budget, 1000), 7);
}

}  // namespace
}  // namespace proxy
