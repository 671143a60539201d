// What becomes of the sessions of an endpoint that a reload removes, on one worker.
#include "proxy/removal_sweep.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

using backends::SimPeer;

class RemovalSweepTest : public WorkerFixture, public testing::Test {
 protected:
  void open(std::size_t sessions) {
    ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
    for (std::size_t i = 0; i < sessions; ++i) clients_.push_back(client());
    ASSERT_TRUE(run_until([&] { return app_->peers().size() == sessions; }));
    run_for(5ms);
  }
  void remove(config::OnRemove rule) {
    config::Config config = one_listener({"10.0.0.3:80"});
    config.upstreams[0].on_remove = rule;
    config.shutdown.drain = 3s;
    ASSERT_FALSE(apply(config));
  }

  std::unique_ptr<backends::SimService> app_ = echo_service("10.0.0.2:80");
  std::unique_ptr<backends::SimService> next_ = echo_service("10.0.0.3:80");
  std::vector<std::unique_ptr<SimPeer>> clients_;
};

TEST_F(RemovalSweepTest, KeepLeavesThemAlone) {
  open(3);
  remove(config::OnRemove::kKeep);
  run_for(60s);
  EXPECT_EQ(worker_.sessions(), 3U);
}

TEST_F(RemovalSweepTest, DrainCutsThemWhenTheTimeIsOverAndNobodyElse) {
  open(3);
  remove(config::OnRemove::kDrain);
  clients_.push_back(client());
  run_for(2900ms);
  EXPECT_EQ(worker_.sessions(), 4U);
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1; }, 200ms));
  EXPECT_EQ(ended(Actor::kAdmin, Cause::kRemoved), 3U);
  EXPECT_FALSE(clients_[3]->was_reset());
  EXPECT_EQ(endpoint("10.0.0.2:80").sessions.value(), 0);
}

TEST_F(RemovalSweepTest, CloseCutsThemAFewInATurn) {
  const std::size_t sessions = 5 * RemovalSweep::kCutsPerTurn / 2;
  open(sessions);
  remove(config::OnRemove::kClose);
  // Each turn makes at most kCutsPerTurn aborts, whose ends come with the next one.
  std::size_t left = worker_.sessions();
  while (left > 0) {
    worker_.step(1ms);
    ASSERT_LE(left - worker_.sessions(), RemovalSweep::kCutsPerTurn);
    left = worker_.sessions();
  }
  EXPECT_EQ(ended(Actor::kAdmin, Cause::kRemoved), sessions);
}

TEST_F(RemovalSweepTest, AnotherReloadWhileTheyDrainForgetsNobody) {
  open(3);
  remove(config::OnRemove::kDrain);
  run_for(1s);
  remove(config::OnRemove::kDrain);  // The same again: their time is what it was.
  run_for(1900ms);
  EXPECT_EQ(worker_.sessions(), 3U);
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }, 200ms));
}

TEST_F(RemovalSweepTest, AConnectThatIsUnderWayToARemovedEndpointEndsToo) {
  network_.set_path(address("10.0.0.5:80"), {.reach = backends::SimReach::kBlackHole});
  ASSERT_FALSE(apply(one_listener({"10.0.0.5:80"})));
  clients_.push_back(client());
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1; }));
  remove(config::OnRemove::kClose);
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }, 100ms));
  EXPECT_EQ(ended(Actor::kAdmin, Cause::kRemoved), 1U);
}

}  // namespace
}  // namespace proxy
