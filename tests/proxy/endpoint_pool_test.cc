#include "proxy/endpoint_pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class EndpointPoolTest : public testing::Test {
 protected:
  EndpointPoolTest() {
    plan_.weight = 100;
    plan_.series = &series_;
    pool_.plan = &plan_;
    pool_.share = 4;
    pool_.share_max = 20;
  }
  void TearDown() override {
    for (auto& each : members_) {
      (each->state == Pooled::State::kConnecting ? pool_.connecting : pool_.ready).erase(*each);
    }
  }
  void add(Pooled::State state, int count) {
    for (int i = 0; i < count; ++i) {
      members_.push_back(std::make_unique<Pooled>());
      members_.back()->state = state;
      (state == Pooled::State::kConnecting ? pool_.connecting : pool_.ready)
          .push_back(*members_.back());
    }
  }
  void ask(int sessions, base::Nanos connect_time) {
    for (int i = 0; i < 20; ++i) pool_.demand.connected(connect_time);
    for (int i = 0; i < sessions; ++i) pool_.demand.asked(seconds(1) + i * milliseconds(1));
  }

  EndpointSeries series_{1, {}};
  EndpointPlan plan_;
  EndpointPool pool_;
  std::vector<std::unique_ptr<Pooled>> members_;
};

TEST_F(EndpointPoolTest, WantsItsShareWithoutDemand) {
  EXPECT_EQ(pool_.target(), 4U);
  EXPECT_EQ(pool_.missing(seconds(1)), 4U);
  add(Pooled::State::kConnecting, 1);
  add(Pooled::State::kIdle, 2);
  EXPECT_EQ(pool_.missing(seconds(1)), 1U);
  EXPECT_EQ(pool_.next_change(seconds(1)), base::kForever);
}

TEST_F(EndpointPoolTest, WantsMoreWithDemandButNeverMoreThanItsMaximum) {
  ask(50, milliseconds(50));
  EXPECT_GT(pool_.target(), 10U);
  ask(200, seconds(1));
  EXPECT_EQ(pool_.target(), 20U);
}

TEST_F(EndpointPoolTest, ConnectsAFewAtATimeUntilThereIsDemand) {
  pool_.share = pool_.share_max = 100;
  add(Pooled::State::kConnecting, 3);
  EXPECT_EQ(pool_.missing(seconds(1)), EndpointPool::kConnectingMin - 3);
  ask(100, milliseconds(500));
  EXPECT_EQ(pool_.missing(seconds(2)), 97U);
}

TEST_F(EndpointPoolTest, AsksAnEndpointThatFailedWithOneConnection) {
  base::Prng prng(1);
  pool_.backoff.failed(seconds(1), prng);
  EXPECT_EQ(pool_.missing(seconds(1)), 0U);
  EXPECT_EQ(pool_.next_change(seconds(1)), pool_.backoff.until());
  EXPECT_EQ(pool_.missing(seconds(2)), 1U);
  add(Pooled::State::kConnecting, 1);
  EXPECT_EQ(pool_.missing(seconds(2)), 0U);
  pool_.on_proof = 1;
  EXPECT_FALSE(pool_.wants());
}

TEST_F(EndpointPoolTest, WantsNothingOfAnEndpointThatMayNotBeUsed) {
  add(Pooled::State::kIdle, 3);
  EXPECT_EQ(pool_.excess(), 0U);
  series_.verdict.healthy = false;
  EXPECT_EQ(pool_.missing(seconds(1)), 0U);
  EXPECT_EQ(pool_.excess(), 3U);
  series_.verdict.healthy = true;
  series_.verdict.ejected = true;
  EXPECT_EQ(pool_.excess(), 3U);
  series_.verdict.ejected = false;
  plan_.weight = 0;
  EXPECT_EQ(pool_.excess(), 3U);
  EXPECT_FALSE(pool_.wants());
}

TEST_F(EndpointPoolTest, KeepsAFewMoreThanItNeedsWhereDemandDecides) {
  add(Pooled::State::kIdle, 5);
  EXPECT_EQ(pool_.excess(), 1U);
  ask(1, milliseconds(1));
  EXPECT_EQ(pool_.excess(), 1U);  // One session needs less than the share.
  ask(30, milliseconds(50));
  EXPECT_EQ(pool_.excess(), 0U);
  const std::uint32_t most = pool_.target() + 1 + pool_.target() / 4;
  EXPECT_LE(most, 20U);
  add(Pooled::State::kIdle, static_cast<int>(most) - 5 + 2);
  EXPECT_EQ(pool_.excess(), 2U);
}

}  // namespace
}  // namespace proxy
