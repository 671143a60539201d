#include "proxy/session_counts.h"

#include <gtest/gtest.h>

#include <chrono>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class SessionCountsTest : public testing::Test {
 protected:
  SessionCountsTest() {
    endpoint_.cells = &cells_;
    session_.endpoint = &endpoint_;
    rules_.route_cells = &route_;
    session_.rules = &rules_;
    session_.state = SessionState::kRelaying;
  }

  EndpointCells cells_;
  RouteCells route_;
  Endpoint endpoint_;
  SessionRules rules_;
  Session session_;
};

TEST_F(SessionCountsTest, BytesAreCountedOnce) {
  session_.progress.bytes = {5, 7};
  count_moved(session_);
  count_moved(session_);
  session_.progress.bytes = {6, 7};
  count_moved(session_);
  EXPECT_EQ(route_.bytes[0].value(), 6U);
  EXPECT_EQ(route_.bytes[1].value(), 7U);
}

TEST_F(SessionCountsTest, TheWayIsLookedAtOnceAMinuteWhileItIsRelayed) {
  session_.path_looked_at = 10s;
  EXPECT_FALSE(path_look_due(session_, 69s));
  EXPECT_TRUE(path_look_due(session_, 70s));
  count_path(session_, {}, 70s);
  EXPECT_FALSE(path_look_due(session_, 129s));
  session_.state = SessionState::kAborting;
  EXPECT_FALSE(path_look_due(session_, 1000s));
}

TEST_F(SessionCountsTest, RetransmitsAreCountedAsTheyGrowAndTimesEachTime) {
  count_path(session_, {.rtt_us = 200, .retransmits = 3}, 60s);
  count_path(session_, {.rtt_us = 400, .retransmits = 5}, 120s);
  count_path(session_, {.rtt_us = 400, .retransmits = 4}, 130s);  // A number that has stopped.
  EXPECT_EQ(cells_.retransmits.value(), 5U);
  EXPECT_EQ(cells_.path_samples.value(), 3U);
  EXPECT_EQ(cells_.rtt.snapshot().count(), 3U);
  EXPECT_NEAR(cells_.rtt.snapshot().sum_seconds, 1000e-6, 1e-9);
}

TEST_F(SessionCountsTest, WhereTheKernelKnowsNothingNothingIsCounted) {
  count_path(session_, {.rtt_us = 0, .retransmits = 0}, 60s);
  EXPECT_EQ(cells_.path_samples.value(), 0U);
  EXPECT_EQ(cells_.rtt.snapshot().count(), 0U);
}

}  // namespace
}  // namespace proxy
