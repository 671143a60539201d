// Endpoints that are ill: who finds out, who hears of it, and which endpoint sessions get
// meanwhile. The monitor is the real one; failure_cases C3.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using proxy::Actor;
using proxy::Cause;
using proxy::CheckResult;

constexpr const char* kBad = "10.0.1.9:1";

class Health : public Scenario {
 protected:
  static Stage watched() {
    Stage stage;
    stage.monitor = true;
    return stage;
  }
  static void check(Play& play) {
    config::Health& health = play.upstream().health.emplace();
    health.interval = seconds(1);
    health.timeout = milliseconds(300);
  }
  static void judge(Play& play) {
    config::Outlier& outlier = play.upstream().outlier.emplace();
    outlier.consecutive_failures = 3;
    outlier.ejection = seconds(20);
    // The dead endpoint's sessions are served by others, all of them.
    play.upstream().connect.retry_budget = 100;
  }
  static void reach(Play& play, const std::string& where, backends::SimReach how) {
    backends::SimPath path;
    path.reach = how;
    play.world.network().set_path(address(where), path);
    if (how != backends::SimReach::kNormal) play.excuses.connects_fail = true;
  }
  static SimService& echo(Play& play, const std::string& where) {
    return play.world.add_service(address(where), [](SimPeer& upstream) { upstream.echo(); });
  }

  static const proxy::EndpointSeries& series(Play& play, const std::string& where) {
    return play.world.catalog().endpoint("u0", where);
  }
  static bool healthy(Play& play, const std::string& where) {
    return series(play, where).verdict.healthy;
  }
  static bool ejected(Play& play, const std::string& where) {
    return series(play, where).verdict.ejected;
  }
  static std::uint64_t checks(Play& play, const std::string& where) {
    std::uint64_t sum = 0;
    for (const auto& result : series(play, where).monitored.checks) sum += result.value();
    return sum;
  }
  static std::uint64_t checks(Play& play, const std::string& where, CheckResult result) {
    return series(play, where).monitored.checks[static_cast<std::size_t>(result)].value();
  }
  // Connects of sessions.
  static std::uint64_t failed_connects(Play& play, const std::string& where) {
    std::uint64_t sum = 0;
    for (const auto& cells : series(play, where).cells) {
      for (const auto& cause : cells->connect_failures) sum += cause.value();
    }
    return sum;
  }
  // Those that a session has sent something to; a plain check sends nothing.
  static std::size_t served(const SimService& service) {
    return static_cast<std::size_t>(
        std::count_if(service.peers().begin(), service.peers().end(),
                      [](const auto& peer) { return !peer->received().empty(); }));
  }

  // Until the verdict is `wanted` and every worker knows.
  static void wait_for_health(Play& play, const std::string& where, bool wanted) {
    EXPECT_TRUE(play.world.run_until([&] { return healthy(play, where) == wanted; }, seconds(30)));
    play.world.run_for(milliseconds(20));
  }
  static void wait_for_ejection(Play& play, const std::string& where, bool wanted) {
    EXPECT_TRUE(play.world.run_until([&] { return ejected(play, where) == wanted; }, seconds(60)));
    play.world.run_for(milliseconds(20));
  }
  // Clients that say something, say goodbye, and are gone again.
  static void visit(Play& play, int clients) {
    const std::uint64_t before = play.world.ended();
    for (int i = 0; i < clients; ++i) {
      SimPeer& client = play.client();
      client.send(keyed_stream(static_cast<std::uint64_t>(i), 100));
      client.shutdown_write();
    }
    const auto all = [&] {
      return play.world.ended() == before + static_cast<std::uint64_t>(clients);
    };
    EXPECT_TRUE(play.world.run_until(all, seconds(30)));
    play.world.run_for(milliseconds(20));  // The far ends hear of it.
  }
  static void expect_all_served(Play& play) {
    EXPECT_EQ(play.world.ended(Actor::kClient, Cause::kEof), play.world.ended());
  }
};

TEST_F(Health, AnEndpointThatIsDownGetsNoSessionAfterItsVerdictAndSomeWhenItIsBack) {  // 33, 34, 35
  for (const auto how : {backends::SimReach::kRefused, backends::SimReach::kUnreachable,
                         backends::SimReach::kBlackHole}) {
    play(watched(), [how](Play& play) {
      play.config = simple_config(kListener, {kBad, kEndpoint});
      play.upstream().balance = config::Balance::kRoundRobin;
      check(play);
      reach(play, kBad, how);
      echo(play, kEndpoint);
      play.configure();
      wait_for_health(play, kBad, false);
      EXPECT_EQ(checks(play, kBad), 3U);
      visit(play, 20);
      EXPECT_EQ(failed_connects(play, kBad), 0U);
      EXPECT_TRUE(healthy(play, kEndpoint));
      SimService& back = echo(play, kBad);
      reach(play, kBad, backends::SimReach::kNormal);
      wait_for_health(play, kBad, true);
      EXPECT_EQ(checks(play, kBad, CheckResult::kPassed), 2U);
      visit(play, 20);
      EXPECT_GT(served(back), 0U);
      expect_all_served(play);
    });
  }
}

TEST_F(Health, AnEndpointThatFlapsFasterThanItsThresholdsKeepsItsVerdict) {
  play(watched(), [](Play& play) {
    check(play);
    echo(play, kEndpoint);
    play.configure();
    for (std::uint64_t i = 1; i <= 12; ++i) {
      reach(play, kEndpoint,
            i % 3 == 0 ? backends::SimReach::kNormal : backends::SimReach::kRefused);
      EXPECT_TRUE(play.world.run_until([&] { return checks(play, kEndpoint) == i; }, seconds(5)));
      EXPECT_TRUE(healthy(play, kEndpoint));
    }
  });
}

TEST_F(Health, AServiceThatGivesTheWrongAnswerIsDownThoughItConnects) {
  const auto answering = [](const std::string& answer) {
    return [answer](SimPeer& upstream) {
      upstream.on_event([answer](SimPeer& self) {
        const std::string question = "PING\r\n";
        const auto& got = self.received();
        const bool asked =
            got.size() == question.size() &&
            std::equal(got.begin(), got.end(), question.begin(), [](std::byte byte, char wanted) {
              return byte == static_cast<std::byte>(wanted);
            });
        if (asked && self.queued().empty()) self.send(std::as_bytes(std::span(answer)));
        if (self.eof() && !self.finishing()) self.shutdown_write();
      });
    };
  };
  play(watched(), [&answering](Play& play) {
    play.config = simple_config(kListener, {kBad, kEndpoint});
    play.upstream().balance = config::Balance::kFirst;
    check(play);
    play.upstream().health->send = "PING\r\n";
    play.upstream().health->expect = "+PONG\r\n";
    play.excuses.checks_send = true;
    const SimService& bad = play.world.add_service(address(kBad), answering("-LOADING\r\n"));
    play.world.add_service(address(kEndpoint), answering("+PONG\r\n"));
    play.configure();
    wait_for_health(play, kBad, false);
    EXPECT_EQ(checks(play, kBad, CheckResult::kMismatch), 3U);
    EXPECT_TRUE(healthy(play, kEndpoint));
    EXPECT_EQ(checks(play, kEndpoint), checks(play, kEndpoint, CheckResult::kPassed));
    visit(play, 5);
    expect_all_served(play);
    for (const auto& peer : bad.peers()) EXPECT_LE(peer->received().size(), 6U);  // "PING\r\n".
  });
}

TEST_F(Health, AnEndpointThatBeginsDownGetsNoSessionBeforeItHasRisen) {
  play(watched(), [](Play& play) {
    check(play);
    play.upstream().health->initial = config::InitialHealth::kDown;
    play.excuses.no_endpoint = true;
    SimService& service = echo(play, kEndpoint);
    play.configure();
    visit(play, 3);
    EXPECT_EQ(play.world.ended(Actor::kProxy, Cause::kNoEndpoint), 3U);
    EXPECT_EQ(served(service), 0U);
    wait_for_health(play, kEndpoint, true);
    visit(play, 3);
    EXPECT_EQ(served(service), 3U);
  });
}

TEST_F(Health, WhenAllAreDownSessionsAreRefusedOrTriedAsConfigured) {  // 37
  for (const auto all_down : {config::AllDown::kRefuse, config::AllDown::kTryAll}) {
    play(watched(), [all_down](Play& play) {
      check(play);
      play.upstream().health->port = 7;  // Nobody is there; the service itself is well.
      play.upstream().all_down = all_down;
      play.excuses.no_endpoint = all_down == config::AllDown::kRefuse;
      SimService& service = echo(play, kEndpoint);
      play.configure();
      wait_for_health(play, kEndpoint, false);
      visit(play, 5);
      EXPECT_EQ(served(service), all_down == config::AllDown::kTryAll ? 5U : 0U);
    });
  }
}

TEST_F(Health, AnEndpointThatSessionsFailOnIsEjectedAndReturns) {
  play(watched(), [](Play& play) {
    play.config = simple_config(kListener, {kBad, kEndpoint});
    play.upstream().balance = config::Balance::kRoundRobin;
    judge(play);
    reach(play, kBad, backends::SimReach::kRefused);
    echo(play, kEndpoint);
    play.configure();
    for (int i = 0; i < 20 && !ejected(play, kBad); ++i) visit(play, 2);
    EXPECT_TRUE(ejected(play, kBad));
    const std::uint64_t before = failed_connects(play, kBad);
    EXPECT_GE(before, 3U);
    visit(play, 20);
    EXPECT_EQ(failed_connects(play, kBad), before);
    SimService& back = echo(play, kBad);
    reach(play, kBad, backends::SimReach::kNormal);
    wait_for_ejection(play, kBad, false);
    visit(play, 20);
    EXPECT_GT(served(back), 0U);
    expect_all_served(play);
  });
}

TEST_F(Health, AnEndpointThatResetsWhatItAcceptsIsEjected) {  // 39
  play(watched(), [](Play& play) {
    play.config = simple_config(kListener, {kBad, kEndpoint});
    play.upstream().balance = config::Balance::kRoundRobin;
    judge(play);
    reach(play, kBad, backends::SimReach::kResets);
    echo(play, kEndpoint);
    play.configure();
    for (int i = 0; i < 20 && !ejected(play, kBad); ++i) visit(play, 2);
    EXPECT_TRUE(ejected(play, kBad));
    const std::uint64_t served_before = play.world.ended(Actor::kClient, Cause::kEof);
    visit(play, 20);
    EXPECT_EQ(play.world.ended(Actor::kClient, Cause::kEof), served_before + 20);
  });
}

TEST_F(Health, NoMoreThanTheirShareIsEjectedAndNeverTheLast) {
  play(watched(), [](Play& play) {
    const std::vector<std::string> bad = {"10.0.1.2:1", "10.0.1.3:1", "10.0.1.4:1"};
    play.config = simple_config(kListener, {bad[0], bad[1], bad[2], kEndpoint});
    play.upstream().balance = config::Balance::kRoundRobin;
    play.upstream().connect.attempts = 4;
    judge(play);
    for (const std::string& each : bad) reach(play, each, backends::SimReach::kRefused);
    echo(play, kEndpoint);
    play.configure();
    std::ptrdiff_t most = 0;
    for (int i = 0; i < 40; ++i) {
      visit(play, 2);
      most = std::max(most, std::count_if(bad.begin(), bad.end(), [&](const std::string& each) {
                        return ejected(play, each);
                      }));
    }
    EXPECT_EQ(most, 2);  // Half of four.
    EXPECT_FALSE(ejected(play, kEndpoint));
    expect_all_served(play);
  });
}

TEST_F(Health, AReloadKeepsVerdictsAndBeginsAnewWithWhatReturns) {
  play(watched(), [](Play& play) {
    play.config = simple_config(kListener, {kBad, kEndpoint});
    play.upstream().balance = config::Balance::kRoundRobin;
    check(play);
    reach(play, kBad, backends::SimReach::kRefused);
    echo(play, kEndpoint);
    echo(play, "10.0.1.5:1");
    play.configure();
    wait_for_health(play, kBad, false);
    // Another endpoint comes: who was down stays down.
    play.upstream().endpoints.push_back({.address = address("10.0.1.5:1"), .mark = {}});
    play.configure();
    visit(play, 12);
    EXPECT_EQ(failed_connects(play, kBad), 0U);
    // It goes and comes back: nothing is held against it, and then it is found out again.
    const config::Config with = play.config;
    play.upstream().endpoints.erase(play.upstream().endpoints.begin());
    play.configure();
    visit(play, 12);
    EXPECT_EQ(failed_connects(play, kBad), 0U);
    play.config = with;
    play.configure();
    EXPECT_TRUE(healthy(play, kBad));
    wait_for_health(play, kBad, false);
    EXPECT_EQ(checks(play, kBad), 6U);
    expect_all_served(play);
  });
}

}  // namespace
}  // namespace simulation
