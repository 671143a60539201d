// Pools beside sessions, beside other workers, and within the worker's own bound.
#include "proxy/pools.h"
#include "tests/proxy/pooling.h"

namespace proxy {
namespace {

class LimitedPoolsTest : public PoolingTest {};

TEST_F(LimitedPoolsTest, ConnectsOfAPoolCountAsConnecting) {
  serve();
  upstream().limits.max_connecting = 4;
  apply();
  std::int64_t most = 0;
  for (int i = 0; i < 2000; ++i) {
    run_for(1ms);
    most = std::max(most, cells().connecting.value());
  }
  EXPECT_EQ(most, 2);
  EXPECT_EQ(cells().pool_idle.value(), 4);
}

TEST_F(LimitedPoolsTest, ConnectsGiveWayToASessionThatFindsNoPlace) {
  network_.set_path(address(kApp), {.reach = backends::SimReach::kBlackHole});
  apply();
  worker().turn();
  EXPECT_FALSE(pools().give_way(worker().upstream()));  // Nothing is limited.
  EXPECT_EQ(cells().pool_connecting.value(), 4);
  upstream().limits.max_connecting = 4;
  apply();
  worker().turn();
  EXPECT_TRUE(pools().give_way(worker().upstream()));
  EXPECT_EQ(cells().connecting.value(), 0);
  EXPECT_FALSE(pools().give_way(worker().upstream()));
}

TEST_F(LimitedPoolsTest, APoolFillsOnlyWhatSessionsLeaveAndGivesWayToThem) {
  serve();
  upstream().endpoints[0].max_sessions = 5;
  apply();
  endpoint_cells().sessions.set(2);
  run_for(1s);
  EXPECT_EQ(pools().size(), 3U);
  endpoint_cells().sessions.set(3);
  EXPECT_TRUE(pools().make_room(endpoint()));
  EXPECT_EQ(pools().size(), 2U);
  endpoint_cells().sessions.set(5);
  EXPECT_TRUE(pools().make_room(endpoint()));
  EXPECT_EQ(pools().size(), 0U);
  run_for(1s);
  EXPECT_EQ(pools().size(), 0U);
  endpoint_cells().sessions.set(0);
  run_for(1s);
  EXPECT_EQ(pools().size(), 4U);
}

TEST_F(LimitedPoolsTest, AFullUpstreamTakesFromThePoolsOfItsOtherEndpoints) {
  serve();
  serve([](backends::SimPeer&) {}, "10.0.0.3:80");
  upstream().endpoints.push_back({.address = address("10.0.0.3:80"), .mark = {}});
  upstream().limits.max_sessions = 6;
  apply();
  run_for(1s);
  EXPECT_EQ(pools().size(), 6U);
  cells().sessions.set(6);
  EXPECT_TRUE(pools().make_room(endpoint()));
  EXPECT_EQ(pools().size(), 0U);
}

TEST_F(LimitedPoolsTest, NothingIsMadeForThePoolWhileSomebodyWaits) {
  serve();
  upstream().limits.queue = 10;
  apply();
  cells().queued.set(1);
  run_for(1s);
  EXPECT_EQ(pools().size(), 0U);
  cells().queued.set(0);
  run_for(1s);
  EXPECT_EQ(pools().size(), 4U);
}

class SmallPoolsTest : public PoolingTest {
 protected:
  SmallPoolsTest() : PoolingTest(1, 3) {}
};

TEST_F(SmallPoolsTest, NeverMoreThanTheWorkersOwnBound) {
  serve();
  apply();
  run_for(1s);
  EXPECT_EQ(pools().size(), 3U);
  EXPECT_TRUE(take());
  run_for(1s);
  EXPECT_EQ(pools().size(), 3U);
}

class PoolsOfThreeWorkersTest : public PoolingTest {
 protected:
  PoolsOfThreeWorkersTest() : PoolingTest(3) {}
  std::size_t total() {
    std::size_t sum = 0;
    for (auto& each : workers_) sum += each->pools().size();
    return sum;
  }
};

TEST_F(PoolsOfThreeWorkersTest, ThePoolIsThatOfAllWorkersTogether) {
  serve();
  pool() = {.idle = 5, .idle_max = 7, .max_age = 30s};
  apply();
  run_for(1s);
  EXPECT_EQ(total(), 5U);
  EXPECT_EQ(served(), 5U);
  for (int i = 0; i < 500; ++i) {
    for (auto& each : workers_) each->pools().take(each->endpoint(), tcp());
    run_for(1ms);
    EXPECT_LE(total(), 7U);
  }
  EXPECT_EQ(total(), 7U);
}

TEST_F(PoolsOfThreeWorkersTest, TogetherTheyLeaveSessionsTheirPlaces) {
  serve();
  pool() = {.idle = 12, .idle_max = 12, .max_age = 30s};
  upstream().endpoints[0].max_sessions = 12;
  apply();
  for (std::int64_t sessions = 0; sessions <= 12; ++sessions) {
    endpoint_cells().sessions.set(sessions);
    // Whatever worker the session came to has a place for it.
    for (auto& each : workers_) EXPECT_TRUE(each->pools().make_room(each->endpoint())) << sessions;
    EXPECT_LE(static_cast<std::int64_t>(total()) + sessions, 12);
    run_for(500ms);
    EXPECT_LE(static_cast<std::int64_t>(total()) + sessions, 12);
  }
  EXPECT_EQ(total(), 0U);
}

}  // namespace
}  // namespace proxy
