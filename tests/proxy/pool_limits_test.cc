#include "proxy/pool_limits.h"

#include <gtest/gtest.h>

#include <memory>

namespace proxy {
namespace {

// The first of two workers.
class PoolLimitsTest : public testing::Test {
 protected:
  PoolLimitsTest() {
    upstream_plan_.config = &config_;
    upstream_plan_.series = &upstream_series_;
    upstream_.plan = &upstream_plan_;
    upstream_.cells = upstream_series_.cells[0].get();
    upstream_.sharer = {.worker = 0, .workers = 2, .key = 0};
    plan_.series = &series_;
    pool_.plan = &plan_;
    pool_.upstream = &upstream_;
    pool_.sharer = upstream_.sharer;
  }
  EndpointCells& other_endpoint() { return *series_.cells[1]; }
  UpstreamCells& other_upstream() { return *upstream_series_.cells[1]; }

  config::Upstream config_;
  UpstreamSeries upstream_series_{2, {}};
  EndpointSeries series_{2, {}};
  UpstreamPlan upstream_plan_;
  EndpointPlan plan_;
  UpstreamPool upstream_;
  EndpointPool pool_;
};

TEST_F(PoolLimitsTest, WithoutLimitsThereIsAlwaysAPlace) {
  other_upstream().sessions.set(1'000'000);
  other_endpoint().connecting.set(1'000'000);
  EXPECT_EQ(places_left(pool_), UINT32_MAX);
  EXPECT_EQ(places_owed(pool_), 0U);
  EXPECT_FALSE(endpoint_overfull(pool_));
  EXPECT_FALSE(upstream_overfull(upstream_));
  EXPECT_FALSE(limits_watched(pool_));
}

TEST_F(PoolLimitsTest, ConnectsOfAllWorkersCount) {
  config_.limits.max_connecting = 10;
  other_upstream().connecting.set(2);
  EXPECT_EQ(places_left(pool_), 3U);  // Half of ten for pools.
  plan_.max_connecting = 5;
  other_endpoint().connecting.set(2);
  EXPECT_EQ(places_left(pool_), 1U);
  other_endpoint().connecting.set(9);
  EXPECT_EQ(places_left(pool_), 0U);
}

TEST_F(PoolLimitsTest, WhoeverWaitsComesFirst) {
  config_.limits.queue = 5;
  other_upstream().queued.set(1);
  EXPECT_EQ(places_left(pool_), 0U);
}

TEST_F(PoolLimitsTest, AWorkerFillsItsShareOfHalfOfWhatIsFree) {
  plan_.max_sessions = 10;
  other_endpoint().sessions.set(2);
  EXPECT_EQ(places_left(pool_), 2U);
  config_.limits.max_sessions = 4;
  other_upstream().sessions.set(2);
  EXPECT_EQ(places_left(pool_), 1U);
  EXPECT_TRUE(limits_watched(pool_));
}

TEST_F(PoolLimitsTest, TheLimitIsForSessionsAndPooledConnectionsTogether) {
  plan_.max_sessions = 4;
  config_.limits.max_sessions = 4;
  other_endpoint().sessions.set(1);
  other_upstream().sessions.set(1);
  other_endpoint().pooled.set(3);
  other_upstream().pool_idle.set(2);
  other_upstream().pool_connecting.set(1);
  EXPECT_FALSE(endpoint_overfull(pool_));
  EXPECT_FALSE(upstream_overfull(upstream_));
  other_endpoint().pooled.set(4);
  other_upstream().pool_idle.set(3);
  EXPECT_TRUE(endpoint_overfull(pool_));
  EXPECT_TRUE(upstream_overfull(upstream_));
}

TEST_F(PoolLimitsTest, WhenItIsFullAWorkerGivesUpWhatIsAboveItsShare) {
  config_.limits.max_sessions = 6;
  upstream_.cells->pool_idle.set(3);
  Pooled members[3];
  for (Pooled& member : members) pool_.ready.push_back(member);
  other_upstream().sessions.set(2);
  EXPECT_EQ(places_owed(pool_), 0U);  // One place is free.
  other_upstream().sessions.set(3);
  EXPECT_EQ(places_owed(pool_), 2U);  // Half of three, and of that our share.
  for (Pooled& member : members) pool_.ready.erase(member);
}

}  // namespace
}  // namespace proxy
