#include "proxy/demand.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace proxy {
namespace {

using base::Nanos;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Evenly spaced sessions; looks at every window's end as a pool does.
Nanos ask(Demand& demand, Nanos from, Nanos time, int per_second) {
  const Nanos end = from + time;
  const Nanos pause = Nanos(seconds(1)) / per_second;
  for (Nanos now = from; now < end; now += pause) demand.asked(now);
  demand.advance(end);
  return end;
}

TEST(Demand, IsNothingBeforeTheFirstSession) {
  Demand demand;
  EXPECT_EQ(demand.predicted(), 0U);
  EXPECT_EQ(demand.next_change(), base::kForever);
  demand.connected(milliseconds(10));
  demand.advance(seconds(100));
  EXPECT_EQ(demand.predicted(), 0U);
}

TEST(Demand, CoversWhatIsAskedForWhileAConnectionIsBeingMade) {
  Demand demand;
  for (int i = 0; i < 20; ++i) demand.connected(milliseconds(10));
  ask(demand, seconds(1), seconds(2), 500);
  EXPECT_GE(demand.predicted(), 5U + 6U);  // 500/s x 10 ms, and three times its root.
  EXPECT_LE(demand.predicted(), 5U + 9U);
}

TEST(Demand, CoversABurstOfOneTurn) {
  Demand demand;
  demand.connected(milliseconds(1));
  for (int i = 0; i < 12; ++i) demand.asked(seconds(1));
  EXPECT_GE(demand.predicted(), 12U);
  EXPECT_LE(demand.predicted(), 14U);
}

TEST(Demand, RisesWithinAWindowAndNotOnlyAfterIt) {
  Demand demand;
  for (int i = 0; i < 20; ++i) demand.connected(milliseconds(100));
  ask(demand, seconds(1), milliseconds(200), 500);
  EXPECT_GE(demand.predicted(), 40U);  // 100 sessions in a window of 250 ms, seen already.
}

TEST(Demand, FallsByHalfInASecondAndToNothingInTheEnd) {
  Demand demand;
  for (int i = 0; i < 20; ++i) demand.connected(milliseconds(100));
  Nanos now = ask(demand, seconds(1), seconds(2), 1000);
  const std::uint32_t full = demand.predicted();
  std::uint32_t before = full;
  for (int window = 0; window < 4; ++window) {
    now += Demand::kWindow;
    demand.advance(now);
    EXPECT_LE(demand.predicted(), before);
    before = demand.predicted();
  }
  EXPECT_LE(before, full * 6 / 10);
  EXPECT_GE(before, full * 4 / 10);
  while (demand.next_change() != base::kForever) {
    now = demand.next_change();
    demand.advance(now);
  }
  EXPECT_EQ(demand.predicted(), 0U);
  EXPECT_LE(now, seconds(30));
}

TEST(Demand, DoesNotSwingWithASteadyLoad) {
  Demand demand;
  for (int i = 0; i < 20; ++i) demand.connected(milliseconds(20));
  Nanos now = ask(demand, seconds(1), seconds(2), 300);
  const std::uint32_t steady = demand.predicted();
  for (int i = 0; i < 40; ++i) {
    now = ask(demand, now, Demand::kWindow, 300);
    EXPECT_LE(demand.predicted(), steady + 1);
    EXPECT_GE(demand.predicted() + 1, steady);
  }
}

TEST(Demand, FollowsTheConnectTimeUpQuicklyAndDownSlowly) {
  Demand demand;
  demand.connected(milliseconds(10));
  const Nanos first = demand.connect_time();
  EXPECT_EQ(first, milliseconds(5));
  demand.connected(milliseconds(45));
  EXPECT_EQ(demand.connect_time(), milliseconds(25));
  demand.connected(milliseconds(1));
  EXPECT_EQ(demand.connect_time(), milliseconds(22));
}

TEST(Demand, AYearOfSilenceCostsNoTimeToCatchUp) {
  Demand demand;
  demand.connected(milliseconds(10));
  ask(demand, seconds(1), seconds(1), 1000);
  demand.advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(demand.predicted(), 0U);
  demand.asked(std::chrono::hours(24 * 365));
  EXPECT_EQ(demand.predicted(), 2U);
  EXPECT_EQ(demand.next_change(), std::chrono::hours(24 * 365) + Demand::kWindow);
}

}  // namespace
}  // namespace proxy
