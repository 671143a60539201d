#include "proxy/health_checker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "tests/proxy/monitor_fixture.h"

namespace proxy {
namespace {

using backends::SimPeer;
using backends::SimReach;

class HealthCheckerTest : public MonitorFixture {
 protected:
  using MonitorFixture::MonitorFixture;

  // Answers with `answer` when it has received `question`.
  static backends::SimService::Greet answering(const std::string& question,
                                               const std::string& answer) {
    return [question, answer](SimPeer& peer) {
      peer.on_event([question, answer](SimPeer& self) {
        if (text_of(self.received()) == question && self.queued().empty()) {
          self.send(bytes_of(answer));
        }
      });
    };
  }
  static config::Config asking(const std::string& send, const std::string& expect) {
    config::Config config = one_upstream();
    config.upstreams[0].health->send = send;
    config.upstreams[0].health->expect = expect;
    return config;
  }
};

TEST_F(HealthCheckerTest, AsksOnceAnIntervalAndHangsUpWithAReset) {
  backends::SimService& service = serve();
  apply(one_upstream());
  run_for(20s);
  EXPECT_TRUE(healthy());
  // One a second, a tenth more or less.
  EXPECT_GE(checks(CheckResult::kPassed), 18U);
  EXPECT_LE(checks(CheckResult::kPassed), 23U);
  EXPECT_EQ(checks(), checks(CheckResult::kPassed));
  EXPECT_EQ(catalog_.upstream("app").monitored.check_time.snapshot().count(), checks());
  for (const auto& peer : service.peers()) EXPECT_TRUE(peer->was_reset());
  EXPECT_EQ(ear_.asked, 0);
}

TEST_F(HealthCheckerTest, TakesAnEndpointOutAfterFallAndBackAfterRise) {
  apply(one_upstream());
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  EXPECT_EQ(checks(CheckResult::kRefused), 3U);
  EXPECT_EQ(ear_.asked, 1);
  serve();
  ASSERT_TRUE(run_until([&] { return healthy(); }));
  EXPECT_EQ(checks(CheckResult::kPassed), 2U);
  EXPECT_EQ(ear_.asked, 2);
}

TEST_F(HealthCheckerTest, ChangesNothingAsLongAsResultsAreMixed) {
  serve();
  apply(one_upstream());
  for (std::uint64_t i = 1; i <= 20; ++i) {
    reach(kEndpoint, i % 3 == 0 ? SimReach::kNormal : SimReach::kRefused);
    ASSERT_TRUE(run_until([&] { return checks() == i; }));
    ASSERT_TRUE(healthy());
  }
}

TEST_F(HealthCheckerTest, AsksFasterWhileAnEndpointChanges) {
  config::Config config = one_upstream();
  config.upstreams[0].health->interval = 20s;
  config.upstreams[0].health->fast_interval = 100ms;
  apply(config);
  ASSERT_TRUE(run_until([&] { return checks() == 1; }));
  ASSERT_TRUE(run_until([&] { return !healthy(); }, 1s));
  // And then as before.
  run_for(10s);
  EXPECT_EQ(checks(), 3U);
}

TEST_F(HealthCheckerTest, GivesUpAfterTheTimeoutOfTheWholeCheck) {
  reach(kEndpoint, SimReach::kBlackHole);
  apply(one_upstream());
  ASSERT_TRUE(run_until([&] { return active() == 1; }));
  const base::Nanos began = transport_.now();
  ASSERT_TRUE(run_until([&] { return checks(CheckResult::kTimeout) == 1; }));
  EXPECT_GE(transport_.now() - began, 500ms - 2ms);
  EXPECT_LE(transport_.now() - began, 505ms);
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  EXPECT_EQ(checks(CheckResult::kTimeout), 3U);
  EXPECT_EQ(transport_.stats().connections, 0U);
}

TEST_F(HealthCheckerTest, SaysHowAnEndpointFailed) {
  reach(kEndpoint, SimReach::kUnreachable);
  apply(one_upstream());
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  EXPECT_EQ(checks(CheckResult::kUnreachable), 3U);
}

TEST_F(HealthCheckerTest, ComparesTheBeginningOfTheReply) {
  serve(kEndpoint, answering("PING\r\n", "+PONG\r\nand more"));
  apply(asking("PING\r\n", "+PONG"));
  run_for(5s);
  EXPECT_TRUE(healthy());
  EXPECT_EQ(checks(), checks(CheckResult::kPassed));
  EXPECT_GE(checks(), 4U);
}

TEST_F(HealthCheckerTest, WaitsForAReplyThatComesInPieces) {
  serve(kEndpoint, [this](SimPeer& peer) {
    for (int i = 0; i < 5; ++i) {
      network_.at(network_.now() + 10ms * (i + 1), [&peer, i] {
        if (!peer.was_reset())
          peer.send(bytes_of(std::string("+PONG").substr(static_cast<std::size_t>(i), 1)));
      });
    }
  });
  apply(asking("", "+PONG"));
  ASSERT_TRUE(run_until([&] { return checks() == 3; }));
  EXPECT_EQ(checks(CheckResult::kPassed), 3U);
}

TEST_F(HealthCheckerTest, NoticesAWrongReplyAtItsFirstWrongByte) {
  serve(kEndpoint, answering("PING\r\n", "-"));
  apply(asking("PING\r\n", "+PONG"));
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  EXPECT_EQ(checks(CheckResult::kMismatch), 3U);
}

TEST_F(HealthCheckerTest, NeedsTheWholeReplyInTime) {
  serve(kEndpoint, answering("PING\r\n", "+PON"));
  apply(asking("PING\r\n", "+PONG"));
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  EXPECT_EQ(checks(CheckResult::kTimeout), 3U);
}

TEST_F(HealthCheckerTest, TellsAFinFromAResetBeforeTheReply) {
  serve(kEndpoint, [](SimPeer& peer) { peer.close(); });
  serve("10.0.1.2:80", [](SimPeer& peer) { peer.reset(); });
  config::Config config = asking("", "+PONG");
  config.upstreams[0].endpoints.push_back({.address = address("10.0.1.2:80"), .mark = {}});
  apply(config);
  ASSERT_TRUE(run_until([&] { return !healthy() && !healthy("10.0.1.2:80"); }));
  EXPECT_GE(checks(CheckResult::kClosed), 3U);
  EXPECT_GE(checks(CheckResult::kReset, "10.0.1.2:80"), 3U);
}

TEST_F(HealthCheckerTest, SendsTheProxyHeaderFirst) {
  backends::SimService& service = serve(kEndpoint, answering("PROXY UNKNOWN\r\nPING", "ok"));
  config::Config config = asking("PING", "ok");
  config.upstreams[0].health->proxy_protocol = config::ProxyProtocol::kV1;
  apply(config);
  ASSERT_TRUE(run_until([&] { return checks() == 2; }));
  EXPECT_EQ(checks(CheckResult::kPassed), 2U);
  EXPECT_EQ(text_of(service.peers()[0]->received()), "PROXY UNKNOWN\r\nPING");
}

TEST_F(HealthCheckerTest, AsksAtTheCheckPort) {
  serve("10.0.1.1:8081");
  config::Config config = one_upstream();
  config.upstreams[0].health->port = 8081;
  apply(config);
  ASSERT_TRUE(run_until([&] { return checks() == 2; }));
  EXPECT_EQ(checks(CheckResult::kPassed), 2U);
}

TEST_F(HealthCheckerTest, LetsAnEndpointBeginIllWhenTold) {
  serve();
  config::Config config = one_upstream();
  config.upstreams[0].health->initial = config::InitialHealth::kDown;
  apply(config);
  EXPECT_FALSE(healthy());
  EXPECT_EQ(ear_.asked, 1);
  ASSERT_TRUE(run_until([&] { return healthy(); }));
  EXPECT_EQ(checks(CheckResult::kPassed), 2U);
}

TEST_F(HealthCheckerTest, ChecksEndpointsOfWeightZeroToo) {
  config::Config config = one_upstream();
  config.upstreams[0].endpoints[0].weight = 0;
  apply(config);
  EXPECT_TRUE(run_until([&] { return !healthy(); }));
}

TEST_F(HealthCheckerTest, HoldsOurOwnTroublesAgainstNobody) {
  serve();
  apply(one_upstream());
  network_.set_exhausted(base::to_errno(EMFILE));
  ASSERT_TRUE(run_until([&] { return checks(CheckResult::kResource) == 5; }));
  EXPECT_TRUE(healthy());
  network_.set_exhausted(base::Errno::kNone);
  EXPECT_TRUE(run_until([&] { return checks(CheckResult::kPassed) == 1; }));
}

class FewChecks : public HealthCheckerTest {
 protected:
  FewChecks() : HealthCheckerTest(2) {}
};

TEST_F(FewChecks, AreUnderWayAtATimeAndTheOthersWaitTheirTurn) {
  std::vector<std::string> endpoints;
  for (int i = 1; i <= 6; ++i) endpoints.push_back("10.0.1." + std::to_string(i) + ":80");
  for (const std::string& each : endpoints) reach(each, SimReach::kBlackHole);
  apply(one_upstream(endpoints));
  std::int64_t most = 0;
  std::int64_t waited = 0;
  const auto all_checked_twice = [&] {
    most = std::max(most, active());
    waited = std::max(waited, catalog_.monitor().checks_waiting.value());
    return std::all_of(endpoints.begin(), endpoints.end(),
                       [&](const std::string& each) { return checks(each) >= 2; });
  };
  EXPECT_TRUE(run_until(all_checked_twice));
  EXPECT_EQ(most, 2);
  EXPECT_EQ(waited, 4);
  // A reload drops those that wait, and those under way.
  apply(one_upstream({endpoints[0]}));
  EXPECT_LE(active(), 1);
  EXPECT_LE(transport_.stats().connections, 1U);
}

TEST_F(HealthCheckerTest, SpreadsTheFirstChecksOfManyEndpoints) {
  std::vector<std::string> endpoints;
  endpoints.reserve(250);
  for (int i = 0; i < 250; ++i) endpoints.push_back("10.0.1." + std::to_string(i) + ":80");
  for (const std::string& each : endpoints) reach(each, SimReach::kBlackHole);
  apply(one_upstream(endpoints));
  run_for(125ms);
  // Half of the time of a millisecond each: about half of them. Time is virtual, the seed is fixed.
  EXPECT_GT(active(), 80);
  EXPECT_LT(active(), 170);
  run_for(126ms);
  EXPECT_EQ(active(), 250);
}

TEST_F(HealthCheckerTest, GoesOnWhereItWasWhenAReloadChangesNothing) {
  apply(one_upstream());
  ASSERT_TRUE(run_until([&] { return checks() == 2; }));
  apply(one_upstream());
  EXPECT_EQ(checks(), 2U);
  ASSERT_TRUE(run_until([&] { return checks() == 3; }));
  EXPECT_FALSE(healthy());
}

TEST_F(HealthCheckerTest, KeepsTheVerdictWhenTheQuestionChangesAndAsksItSoon) {
  apply(one_upstream());
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  serve();
  config::Config config = one_upstream();
  config.upstreams[0].health->interval = 20s;
  config.upstreams[0].health->fast_interval = 50ms;
  apply(config);
  EXPECT_FALSE(healthy());
  EXPECT_TRUE(run_until([&] { return healthy(); }, 200ms));
}

TEST_F(HealthCheckerTest, KeepsTheVerdictOfARemovedEndpointAndBeginsAnewWithAReturningOne) {
  apply(one_upstream());
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  apply(one_upstream({"10.0.1.2:80"}));
  EXPECT_FALSE(healthy());
  run_for(3s);
  EXPECT_EQ(checks(), 3U);
  apply(one_upstream());
  EXPECT_TRUE(healthy());
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  EXPECT_EQ(checks(), 6U);
}

TEST_F(HealthCheckerTest, CallsHealthyWhatIsNotCheckedAnyMore) {
  apply(one_upstream());
  ASSERT_TRUE(run_until([&] { return !healthy(); }));
  config::Config config = one_upstream();
  config.upstreams[0].health.reset();
  apply(config);
  EXPECT_TRUE(healthy());
  run_for(5s);
  EXPECT_EQ(checks(), 3U);
  EXPECT_EQ(monitor_.next_deadline(), base::kForever);
}

}  // namespace
}  // namespace proxy
