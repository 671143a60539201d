#include "proxy/roster.h"

#include <gtest/gtest.h>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

class RosterTest : public WorkerFixture, public testing::Test {
 protected:
  bool echoes(backends::SimPeer& caller, std::string_view text) {
    const std::size_t had = caller.received().size();
    caller.send(bytes_of(text));
    return run_until([&] { return text_of(caller.received()).substr(had) == text; });
  }

  static config::Listener another_listener(std::string_view at) {
    config::Listener listener;
    listener.name = "other";
    listener.bind.push_back({.address = address(at), .v6_only = false, .mark = {}});
    listener.upstream.name = "app";
    return listener;
  }
};

TEST_F(RosterTest, KeepsTheSessionsAndTheSocketOfAListenerThatDidNotChange) {
  const auto app = echo_service("10.0.0.2:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  ASSERT_FALSE(apply(config));
  const auto before = client();
  ASSERT_TRUE(echoes(*before, "one"));
  config.listeners.push_back(another_listener("10.0.0.1:81"));
  ASSERT_FALSE(apply(config));
  EXPECT_TRUE(echoes(*before, "two"));
  const auto after = client();
  EXPECT_TRUE(echoes(*after, "three"));
  const auto other = client("10.0.0.1:81");
  EXPECT_TRUE(echoes(*other, "four"));
}

TEST_F(RosterTest, ARemovedListenerRefusesNewClientsAndLetsItsSessionsEnd) {
  const auto app = echo_service("10.0.0.2:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  config.listeners.push_back(another_listener("10.0.0.1:81"));
  ASSERT_FALSE(apply(config));
  const auto session = client("10.0.0.1:81");
  ASSERT_TRUE(echoes(*session, "one"));
  config.listeners.pop_back();
  ASSERT_FALSE(apply(config));
  const auto late = client("10.0.0.1:81");
  EXPECT_TRUE(run_until([&] { return late->was_reset(); }));
  run_for(3s);  // Longer than anything removed is kept without sessions.
  EXPECT_TRUE(echoes(*session, "two"));
  session->shutdown_write();
  EXPECT_TRUE(run_until([&] { return session->eof(); }));
}

TEST_F(RosterTest, ARemovedEndpointGetsNoNewSessionAndKeepsItsOldOnes) {
  const auto first = echo_service("10.0.0.2:80");
  const auto second = echo_service("10.0.0.3:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto old_session = client();
  ASSERT_TRUE(echoes(*old_session, "one"));
  ASSERT_FALSE(apply(one_listener({"10.0.0.3:80"})));
  const auto new_session = client();
  ASSERT_TRUE(echoes(*new_session, "two"));
  EXPECT_TRUE(echoes(*old_session, "three"));
  EXPECT_EQ(first->peers().size(), 1U);
  EXPECT_EQ(second->peers().size(), 1U);
  old_session->reset();
  EXPECT_TRUE(run_until([&] { return worker_.sessions() == 1; }));
}

TEST_F(RosterTest, AnEndpointThatStaysKeepsItsCountOfSessions) {
  const auto first = echo_service("10.0.0.2:80");
  const auto second = echo_service("10.0.0.3:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  config.upstreams[0].balance = config::Balance::kLeastSessions;
  ASSERT_FALSE(apply(config));
  const auto held = client();
  ASSERT_TRUE(echoes(*held, "one"));
  config.upstreams[0].endpoints.push_back(
      {.address = address("10.0.0.3:80"), .weight = 100, .mark = {}});
  ASSERT_FALSE(apply(config));
  const auto next = client();
  ASSERT_TRUE(echoes(*next, "two"));
  EXPECT_EQ(second->peers().size(), 1U) << "the endpoint with no session is the least loaded";
}

TEST_F(RosterTest, AListenerMovesToAnotherUpstreamForNewSessionsOnly) {
  const auto first = echo_service("10.0.0.2:80");
  const auto second = echo_service("10.0.0.3:80");
  ASSERT_FALSE(apply(one_listener({"10.0.0.2:80"})));
  const auto old_session = client();
  ASSERT_TRUE(echoes(*old_session, "one"));
  config::Config config = one_listener({"10.0.0.3:80"});
  config.upstreams[0].name = "app2";
  config.listeners[0].upstream.name = "app2";
  ASSERT_FALSE(apply(config));
  run_for(3s);
  EXPECT_TRUE(echoes(*old_session, "two"));
  const auto new_session = client();
  EXPECT_TRUE(echoes(*new_session, "three"));
  EXPECT_EQ(second->peers().size(), 1U);
}

TEST_F(RosterTest, ASessionKeepsTheTimeoutsItWasAcceptedWith) {
  const auto app = echo_service("10.0.0.2:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  config.listeners[0].timeouts.idle = 5s;
  ASSERT_FALSE(apply(config));
  const auto before = client();
  ASSERT_TRUE(echoes(*before, "one"));
  config.listeners[0].timeouts.idle = 1h;
  ASSERT_FALSE(apply(config));
  const auto after = client();
  ASSERT_TRUE(echoes(*after, "two"));
  run_for(3s);  // What nobody uses any more is freed meanwhile.
  EXPECT_EQ(worker_.sessions(), 2U);
  run_for(3s);
  EXPECT_TRUE(before->was_reset());
  EXPECT_EQ(ended(Actor::kProxy, Cause::kIdle), 1U);
  EXPECT_TRUE(echoes(*after, "three"));
}

TEST_F(RosterTest, AFailedPreparationChangesNothing) {
  const auto app = echo_service("10.0.0.2:80");
  const auto in_the_way = service("10.0.0.1:82", [](backends::SimPeer&) {});
  config::Config config = one_listener({"10.0.0.2:80"});
  ASSERT_FALSE(apply(config));
  config.listeners.push_back(another_listener("10.0.0.1:81"));
  config.listeners.back().bind.push_back(
      {.address = address("10.0.0.1:82"), .v6_only = false, .mark = {}});
  const auto failure = apply(config);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->listener, 1U);
  EXPECT_EQ(failure->bind, 1U);
  EXPECT_EQ(failure->error, base::to_errno(EADDRINUSE));
  tell(Command::Kind::kAbandon);
  const auto late = client("10.0.0.1:81");
  EXPECT_TRUE(run_until([&] { return late->was_reset(); }));
  const auto caller = client();
  EXPECT_TRUE(echoes(*caller, "x"));
}

TEST_F(RosterTest, ChangedSocketOptionsMakeANewSocketWithoutLosingAClient) {
  const auto app = echo_service("10.0.0.2:80");
  config::Config config = one_listener({"10.0.0.2:80"});
  ASSERT_FALSE(apply(config));
  const auto queued = client();
  network_.run_until(network_.now() + 5ms);
  config.listeners[0].tcp.keepalive.idle = 5s;
  ASSERT_FALSE(apply(config));
  EXPECT_TRUE(echoes(*queued, "one"));
  const auto after = client();
  EXPECT_TRUE(echoes(*after, "two"));
}

}  // namespace
}  // namespace proxy
