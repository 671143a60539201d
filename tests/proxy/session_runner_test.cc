#include "proxy/session_runner.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

using backends::SimPeer;
using backends::SimReach;

class SessionRunnerTest : public WorkerFixture, public testing::Test {
 protected:
  // Late by at most one tick of the wheel and one turn of the loop.
  static constexpr base::Nanos kLateness = TimerWheel::kTick + base::Nanos(1ms);

  void expect_nothing_left() {
    EXPECT_EQ(worker_.sessions(), 0U);
    EXPECT_EQ(route().sessions.value(), 0);
    EXPECT_EQ(listener().sessions.value(), 0);
    EXPECT_EQ(transport_.stats().connections, 0U);
    EXPECT_EQ(transport_.stats().relays, 0U);
  }
};

TEST_F(SessionRunnerTest, CarriesBytesBothWaysAndEndsWithWhoSaidGoodbyeFirst) {
  const auto app = echo_service("10.0.0.2:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  caller->send(bytes_of("hello"));
  ASSERT_TRUE(run_until([&] { return text_of(caller->received()) == "hello"; }));
  EXPECT_EQ(route().sessions.value(), 1);
  EXPECT_EQ(endpoint("10.0.0.2:80").sessions.value(), 1);
  caller->shutdown_write();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }));
  EXPECT_EQ(ended(Actor::kClient, Cause::kEof), 1U);
  EXPECT_EQ(route().bytes[0].value(), 5U);
  EXPECT_EQ(route().bytes[1].value(), 5U);
  EXPECT_EQ(endpoint("10.0.0.2:80").sessions.value(), 0);
  expect_nothing_left();
}

TEST_F(SessionRunnerTest, NamesTheUpstreamWhenItClosesOrResetsFirst) {
  const auto app = service("10.0.0.2:80", [](SimPeer& peer) { peer.close(); });
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return caller->eof(); }));
  caller->close();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }));
  EXPECT_EQ(ended(Actor::kUpstream, Cause::kEof), 1U);

  const auto rude = service("10.0.0.3:80", [](SimPeer& peer) { peer.reset(); });
  ASSERT_FALSE(apply(one_listener({"10.0.0.3:80"})));
  const auto other = client();
  ASSERT_TRUE(run_until([&] { return other->was_reset(); }));
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }));
  EXPECT_EQ(ended(Actor::kUpstream, Cause::kReset), 1U);
  expect_nothing_left();
}

TEST_F(SessionRunnerTest, TriesAnotherEndpointWhenOneRefuses) {
  const auto app = echo_service("10.0.0.3:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80", "10.0.0.3:80"})));
  const auto caller = client();
  caller->send(bytes_of("x"));
  ASSERT_TRUE(run_until([&] { return text_of(caller->received()) == "x"; }));
  const auto refused = static_cast<std::size_t>(Cause::kConnectRefused);
  EXPECT_EQ(endpoint("10.0.0.2:80").connect_failures[refused].value(), 1U);
  EXPECT_EQ(endpoint("10.0.0.3:80").sessions.value(), 1);
}

TEST_F(SessionRunnerTest, SourceAddressesTakeTurns) {
  const auto app = echo_service("10.0.0.2:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  config.upstreams[0].connect.sources = {address("10.0.9.1:0").ip, address("10.0.9.2:0").ip};
  ASSERT_FALSE(apply(config));
  const auto first = client();
  ASSERT_TRUE(run_until([&] { return app->peers().size() == 1; }));
  const auto second = client();
  ASSERT_TRUE(run_until([&] { return app->peers().size() == 2; }));
  EXPECT_EQ(base::ip_to_string(app->peers()[0]->remote().ip), "10.0.9.1");
  EXPECT_EQ(base::ip_to_string(app->peers()[1]->remote().ip), "10.0.9.2");
}

TEST_F(SessionRunnerTest, ResetsTheClientWithTheLastCauseWhenEveryEndpointFails) {
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80", "10.0.0.3:80"})));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return caller->was_reset(); }));
  EXPECT_EQ(ended(Actor::kUpstream, Cause::kConnectRefused), 1U);
  expect_nothing_left();
}

TEST_F(SessionRunnerTest, MakesNoMoreAttemptsThanAllowed) {
  config::Config config = one_listener({"10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"});
  config.upstreams[0].connect.attempts = 2;
  const auto app = echo_service("10.0.0.4:80");
  ASSERT_FALSE(apply(config));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return caller->was_reset(); }));
  EXPECT_TRUE(app->peers().empty());
}

TEST_F(SessionRunnerTest, GivesUpAnEndpointThatDoesNotAnswerAfterTheConnectTimeout) {
  network_.set_path(address("10.0.0.2:80"), {.reach = SimReach::kBlackHole});
  config::Config config = one_listener({"10.0.0.2:80"});
  config.upstreams[0].connect.timeout = 700ms;
  ASSERT_FALSE(apply(config));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1; }));
  const base::Nanos began = transport_.now();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }));
  EXPECT_GE(transport_.now() - began, 700ms);
  EXPECT_LE(transport_.now() - began, 700ms + kLateness);
  EXPECT_EQ(ended(Actor::kUpstream, Cause::kConnectTimeout), 1U);
}

TEST_F(SessionRunnerTest, EndsAnUnreachableAndAnEmptyUpstreamWithTheirOwnCauses) {
  network_.set_path(address("10.0.0.2:80"), {.reach = SimReach::kUnreachable});
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return caller->was_reset(); }));
  EXPECT_EQ(ended(Actor::kUpstream, Cause::kConnectUnreachable), 1U);

  config::Config unweighted = one_listener({"10.0.0.2:80"});
  unweighted.upstreams[0].endpoints[0].weight = 0;
  ASSERT_FALSE(apply(unweighted));
  const auto other = client();
  ASSERT_TRUE(run_until([&] { return other->was_reset(); }));
  EXPECT_EQ(ended(Actor::kProxy, Cause::kNoEndpoint), 1U);
}

TEST_F(SessionRunnerTest, CutsAnIdleSessionAndOnlyWhenNothingMoves) {
  const auto app = echo_service("10.0.0.2:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  config.listeners[0].timeouts.idle = 2s;
  ASSERT_FALSE(apply(config));
  const auto caller = client();
  base::Nanos last{0};
  for (int i = 1; i <= 3; ++i) {
    caller->send(bytes_of("x"));
    ASSERT_TRUE(
        run_until([&] { return caller->received().size() == static_cast<std::size_t>(i); }));
    last = transport_.now();
    run_for(1500ms);
  }
  ASSERT_EQ(worker_.sessions(), 1U);
  ASSERT_TRUE(run_until([&] { return caller->was_reset(); }));
  EXPECT_GE(transport_.now() - last, 1900ms);  // The byte may have been on its way for a moment.
  EXPECT_LE(transport_.now() - last, 2s + kLateness);
  EXPECT_EQ(ended(Actor::kProxy, Cause::kIdle), 1U);
}

TEST_F(SessionRunnerTest, CutsAHalfClosedSessionThatStaysSilent) {
  const auto app = service("10.0.0.2:80", [](SimPeer&) {});
  config::Config config = one_listener({"10.0.0.2:80"});
  config.listeners[0].timeouts.half_close = 3s;
  ASSERT_FALSE(apply(config));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1 && !app->peers().empty(); }));
  run_for(5s);  // Open both ways it may stay: only a FIN starts this timeout.
  ASSERT_EQ(worker_.sessions(), 1U);
  caller->shutdown_write();
  const base::Nanos closed = transport_.now();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }));
  EXPECT_GE(transport_.now() - closed, 3s);
  EXPECT_LE(transport_.now() - closed, 3s + kLateness + 1ms);
  EXPECT_EQ(ended(Actor::kProxy, Cause::kHalfCloseTimeout), 1U);
}

TEST_F(SessionRunnerTest, CutsASessionAtTheEndOfItsLifetimeWhateverMoves) {
  const auto app = echo_service("10.0.0.2:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  config.listeners[0].timeouts.lifetime = 2s;
  ASSERT_FALSE(apply(config));
  const auto caller = client();
  caller->on_event([](SimPeer& peer) {
    if (peer.state() == SimPeer::State::kOpen && peer.received().size() == peer.queued().size()) {
      peer.send(bytes_of("x"));
    }
  });
  ASSERT_TRUE(run_until([&] { return caller->was_reset(); }));
  EXPECT_EQ(ended(Actor::kProxy, Cause::kLifetime), 1U);
  EXPECT_GT(caller->received().size(), 10U);
}

TEST_F(SessionRunnerTest, NoticesAClientThatResetsWhileItsEndpointIsBeingConnected) {
  network_.set_path(address("10.0.0.2:80"), {.reach = SimReach::kBlackHole});
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1; }));
  caller->reset();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 0; }, 100ms));
  EXPECT_EQ(ended(Actor::kClient, Cause::kReset), 1U);
  expect_nothing_left();
}

TEST_F(SessionRunnerTest, DeliversWhatAClientSentBeforeItsFinAlsoWhenItConnectedFirst) {
  const auto app = echo_service("10.0.0.2:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  caller->send(bytes_of("one shot"));
  caller->shutdown_write();
  ASSERT_TRUE(run_until([&] { return caller->eof(); }));
  EXPECT_EQ(text_of(caller->received()), "one shot");
  EXPECT_EQ(ended(Actor::kClient, Cause::kEof), 1U);
}

TEST_F(SessionRunnerTest, TurnsAwayClientsPastTheLimitAndTakesThemAgainWhenThereIsRoom) {
  const auto app = echo_service("10.0.0.2:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  config.listeners[0].max_sessions = 2;
  ASSERT_FALSE(apply(config));
  const auto first = client();
  const auto second = client();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 2; }));
  const auto third = client();
  ASSERT_TRUE(run_until([&] { return third->was_reset(); }));
  EXPECT_EQ(listener().rejected[static_cast<std::size_t>(Rejection::kLimit)].value(), 1U);
  first->reset();
  ASSERT_TRUE(run_until([&] { return worker_.sessions() == 1; }));
  const auto fourth = client();
  fourth->send(bytes_of("x"));
  ASSERT_TRUE(run_until([&] { return text_of(fourth->received()) == "x"; }));
  EXPECT_EQ(listener().accepted.value(), 4U);
}

TEST_F(SessionRunnerTest, CountsTheBytesOfALongSessionWhileItLasts) {
  const auto app = echo_service("10.0.0.2:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto caller = client();
  caller->send(bytes_of(std::string(1000, 'x')));
  ASSERT_TRUE(run_until([&] { return caller->received().size() == 1000; }));
  run_for(1100ms);
  EXPECT_EQ(worker_.sessions(), 1U);
  EXPECT_EQ(route().bytes[0].value(), 1000U);
  EXPECT_EQ(route().bytes[1].value(), 1000U);
}

TEST_F(SessionRunnerTest, ConnectsWhereTheClientWasGoingAndRefusesALoop) {
  const auto real = echo_service("10.9.9.9:4000");
  config::Config config = one_listener({});
  config.upstreams[0].original_dst = true;
  ASSERT_FALSE(apply(config));
  SimPeer redirected(network_,
                     {.remote = address("10.0.0.1:80"),
                      .source = {},
                      .original_destination = address("10.9.9.9:4000"),
                      .tcp = {}},
                     SimPeer::Mode::kAuto);
  redirected.send(bytes_of("x"));
  ASSERT_TRUE(run_until([&] { return text_of(redirected.received()) == "x"; }));
  const auto direct = client();
  ASSERT_TRUE(run_until([&] { return direct->was_reset(); }));
  EXPECT_EQ(ended(Actor::kProxy, Cause::kNoEndpoint), 1U);
}

}  // namespace
}  // namespace proxy
