// Waiting for a place, as the clients of one worker see it.
#include "proxy/waiting_room.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

using backends::SimPeer;
using backends::SimReach;

class WaitingRoomTest : public WorkerFixture, public testing::Test {
 protected:
  WaitingRoomTest() : config_(one_listener({"10.0.0.2:80"})) {
    config_.upstreams[0].limits = {
        .max_sessions = 1, .max_connecting = 0, .queue = 10, .queue_timeout = 5s};
  }

  UpstreamCells& cells() { return *catalog_.upstream("app").cells[0]; }

  // A client that says its number; echoed when it is served.
  SimPeer& add(int number) {
    clients_.push_back(client());
    clients_.back()->send(bytes_of(std::to_string(number)));
    return *clients_.back();
  }
  // Clients 0 to count - 1, each when the one before is in the queue (the first one is served).
  void add_all(int count) {
    for (int i = 0; i < count; ++i) {
      add(i);
      ASSERT_TRUE(run_until([&] { return cells().sessions.value() + cells().queued.value() > i; }));
    }
    ASSERT_TRUE(run_until([&] { return served(0); }));
  }
  bool served(std::size_t number) {
    return text_of(clients_[number]->received()) == std::to_string(number);
  }
  void expect_empty() {
    EXPECT_EQ(cells().queued.value(), 0);
    EXPECT_EQ(cells().sessions.value(), 0);
    EXPECT_EQ(cells().connecting.value(), 0);
    EXPECT_EQ(worker_.sessions(), 0U);
  }

  config::Config config_;
  std::unique_ptr<backends::SimService> app_ = echo_service("10.0.0.2:80");
  std::vector<std::unique_ptr<SimPeer>> clients_;
};

TEST_F(WaitingRoomTest, TheFirstOneThatWaitsGetsThePlaceThatIsFreed) {
  ASSERT_FALSE(apply(config_));
  add_all(5);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_FALSE(served(i));
    EXPECT_EQ(cells().queued.value(), static_cast<std::int64_t>(5 - i));
    clients_[i - 1]->shutdown_write();
    ASSERT_TRUE(run_until([&] { return served(i); }));
    EXPECT_EQ(cells().sessions.value(), 1);
  }
  clients_[4]->shutdown_write();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }));
  EXPECT_EQ(ended(Actor::kClient, Cause::kEof), 5U);
  EXPECT_EQ(cells().queue_time.snapshot().count(), 4U);
  expect_empty();
}

TEST_F(WaitingRoomTest, WaitingHasAnEnd) {
  ASSERT_FALSE(apply(config_));
  add_all(2);
  const base::Nanos began = transport_.now();
  ASSERT_TRUE(run_until([&] { return clients_[1]->was_reset(); }));
  EXPECT_GE(transport_.now() - began, 4s);
  EXPECT_LE(transport_.now() - began, 6s);
  EXPECT_EQ(ended(Actor::kProxy, Cause::kQueueTimeout), 1U);
  EXPECT_EQ(cells().queued.value(), 0);
}

TEST_F(WaitingRoomTest, AFullQueueAndNoQueueHaveTheirOwnCauses) {
  config_.upstreams[0].limits.queue = 1;
  ASSERT_FALSE(apply(config_));
  add_all(2);
  add(2);
  ASSERT_TRUE(run_until([&] { return clients_[2]->was_reset(); }));
  EXPECT_EQ(ended(Actor::kProxy, Cause::kQueueFull), 1U);
  // Those who wait already stay when a reload takes the queue away; nobody else comes in.
  config_.upstreams[0].limits.queue = 0;
  ASSERT_FALSE(apply(config_));
  add(3);
  ASSERT_TRUE(run_until([&] { return clients_[3]->was_reset(); }));
  EXPECT_EQ(ended(Actor::kProxy, Cause::kLimit), 1U);
  clients_[0]->reset();
  ASSERT_TRUE(run_until([&] { return served(1); }));
}

TEST_F(WaitingRoomTest, AClientThatResetsFreesItsPlaceAndOneThatOnlySaysFinIsServed) {
  ASSERT_FALSE(apply(config_));
  add_all(4);
  clients_[1]->reset();
  clients_[2]->shutdown_write();
  ASSERT_TRUE(run_until([&] { return cells().queued.value() == 2; }));
  EXPECT_EQ(ended(Actor::kClient, Cause::kReset), 1U);
  clients_[0]->shutdown_write();
  ASSERT_TRUE(run_until([&] { return clients_[2]->eof(); }));
  EXPECT_TRUE(served(2));
  ASSERT_TRUE(run_until([&] { return served(3); }));
}

TEST_F(WaitingRoomTest, APlaceThatAnotherWorkerFreesIsNoticedSoon) {
  MetricsCatalog& catalog = catalog_;
  config_.upstreams[0].limits.max_sessions = 2;
  ASSERT_FALSE(apply(config_));
  cells().sessions.add(1);  // As if it were another worker's: nobody tells this one.
  add_all(2);
  run_for(100ms);
  EXPECT_FALSE(served(1));
  catalog.upstream("app").cells[0]->sessions.add(-1);
  ASSERT_TRUE(run_until([&] { return cells().queued.value() == 0; },
                        WaitingRoom::kLook + base::Nanos(2ms)));
  ASSERT_TRUE(run_until([&] { return served(1); }));
}

TEST_F(WaitingRoomTest, AReloadThatLiftsTheLimitServesEverybody) {
  ASSERT_FALSE(apply(config_));
  add_all(6);
  config_.upstreams[0].limits.max_sessions = 4;
  ASSERT_FALSE(apply(config_));
  ASSERT_TRUE(run_until([&] { return served(1) && served(2) && served(3); }));
  EXPECT_EQ(cells().queued.value(), 2);
  config_.upstreams[0].limits.max_sessions = 0;
  ASSERT_FALSE(apply(config_));
  ASSERT_TRUE(run_until([&] { return served(4) && served(5); }));
}

TEST_F(WaitingRoomTest, AReloadThatRemovesTheUpstreamEndsThoseWhoWaitForIt) {
  ASSERT_FALSE(apply(config_));
  add_all(3);
  config::Config other = one_listener({"10.0.0.2:80"});
  other.upstreams[0].name = other.listeners[0].upstream.name = "new";
  other.upstreams[0].on_remove = config::OnRemove::kKeep;
  ASSERT_FALSE(apply(other));
  ASSERT_TRUE(run_until([&] { return clients_[1]->was_reset() && clients_[2]->was_reset(); }));
  EXPECT_EQ(ended(Actor::kAdmin, Cause::kRemoved), 2U);
  EXPECT_EQ(cells().queued.value(), 0);
  clients_[0]->shutdown_write();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }));
  expect_empty();
}

TEST_F(WaitingRoomTest, SessionsWaitForAFullEndpointToo) {
  config_.upstreams[0].limits.max_sessions = 0;
  config_.upstreams[0].endpoints[0].max_sessions = 1;
  ASSERT_FALSE(apply(config_));
  add_all(2);
  run_for(20ms);
  EXPECT_FALSE(served(1));
  clients_[0]->shutdown_write();
  ASSERT_TRUE(run_until([&] { return served(1); }));
}

TEST_F(WaitingRoomTest, MaxConnectingLetsThemConnectOneByOne) {
  network_.set_path(address("10.0.0.3:80"), {.reach = SimReach::kBlackHole});
  config_ = one_listener({"10.0.0.3:80"});
  config_.upstreams[0].connect.timeout = 1s;
  config_.upstreams[0].limits = {
      .max_sessions = 0, .max_connecting = 1, .queue = 10, .queue_timeout = 10s};
  ASSERT_FALSE(apply(config_));
  for (int i = 0; i < 3; ++i) add(i);
  ASSERT_TRUE(run_until([&] { return cells().queued.value() == 2; }));
  EXPECT_EQ(cells().connecting.value(), 1);
  run_for(1100ms);
  EXPECT_EQ(cells().connecting.value(), 1);
  EXPECT_EQ(cells().queued.value(), 1);
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }));
  EXPECT_EQ(ended(Actor::kUpstream, Cause::kConnectTimeout), 3U);
  expect_empty();
}

TEST_F(WaitingRoomTest, ARetryThatFindsOnlyBusyEndpointsWaitsAsWell) {
  config_ = one_listener({"10.0.0.9:80", "10.0.0.2:80"});
  config_.upstreams[0].endpoints[1].max_sessions = 1;
  config_.upstreams[0].limits.queue = 10;
  ASSERT_FALSE(apply(config_));
  add_all(1);  // Refused by the first endpoint, served by the second.
  add(1);
  ASSERT_TRUE(run_until([&] { return cells().queued.value() == 1; }));
  EXPECT_EQ(cells().sessions.value(), 1);
  EXPECT_EQ(cells().retries.value(), 1U);
  clients_[0]->shutdown_write();
  ASSERT_TRUE(run_until([&] { return served(1); }));
  EXPECT_EQ(cells().retries.value(), 2U);
}

TEST_F(WaitingRoomTest, RetriesHaveABudgetAndTheEndIsTheLastFailure) {
  config_ = one_listener({"10.0.0.9:80", "10.0.0.8:80"});
  config_.upstreams[0].connect.retry_budget = 0;
  ASSERT_FALSE(apply(config_));
  const int clients = static_cast<int>(RetryBudget::kReserve) + 50;
  for (int i = 0; i < clients; ++i) add(i);
  ASSERT_TRUE(
      run_until([&] { return worker_.sessions() == 0 && listener().accepted.value() == 150; }));
  EXPECT_EQ(cells().retries.value() + cells().retries_refused.value(), 150U);
  EXPECT_GE(cells().retries.value(), 100U);
  EXPECT_LE(cells().retries.value(), 110U);  // The whole takes far less than a second.
  EXPECT_EQ(ended(Actor::kUpstream, Cause::kConnectRefused), 150U);
  expect_empty();
}

}  // namespace
}  // namespace proxy
