// Connections that stand ready: services that do what they like with them, and what the proxy does.
#include <string>

#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using backends::SimReach;
using proxy::Actor;
using proxy::Cause;
using proxy::Checkout;
using proxy::Discard;
using proxy::UpstreamCells;

class PoolScenario : public Scenario {
 protected:
  static void pool(Play& play, std::uint32_t idle, std::uint32_t idle_max) {
    play.upstream().pool = {.idle = idle, .idle_max = idle_max, .max_age = seconds(30)};
    play.excuses.pooled = true;
  }
  static const proxy::UpstreamSeries& series(Play& play) {
    return play.world.catalog().upstream("u0");
  }
  static std::int64_t idle(Play& play) {
    return proxy::sum_over_workers(series(play), &UpstreamCells::pool_idle);
  }
  static std::uint64_t checkouts(Play& play, Checkout what) {
    std::uint64_t sum = 0;
    for (const auto& cells : series(play).cells) {
      sum += cells->checkouts[static_cast<std::size_t>(what)].value();
    }
    return sum;
  }
  static std::uint64_t discarded(Play& play, Discard what) {
    std::uint64_t sum = 0;
    for (const auto& cells : series(play).cells) {
      sum += cells->discarded[static_cast<std::size_t>(what)].value();
    }
    return sum;
  }
  static void expect_warm(Play& play, std::int64_t wanted, base::Nanos limit = seconds(5)) {
    EXPECT_TRUE(play.world.run_until([&] { return idle(play) >= wanted; }, limit));
  }
  static void reach(Play& play, SimReach how, const std::string& where = kEndpoint) {
    backends::SimPath path;
    path.reach = how;
    play.world.network().set_path(address(where), path);
  }
  // Sends, says goodbye, and gets it back.
  static void echo(Play& play, std::uint64_t key) {
    SimPeer& client = play.client();
    client.send(keyed_stream(key, 300));
    client.shutdown_write();
    EXPECT_TRUE(play.world.run_until(
        [&] { return client.eof() && client.received() == keyed_stream(key, 300); }, seconds(10)));
  }
  static SimService& echoing(Play& play) {
    return play.world.add_service(address(kEndpoint), [](SimPeer& upstream) { upstream.echo(); });
  }
};

TEST_F(PoolScenario, ThePoolIsWarmBeforeTheFirstClient) {
  play([](Play& play) {
    pool(play, 6, 16);
    const SimService& service = echoing(play);
    play.configure();
    expect_warm(play, 6);
    EXPECT_EQ(service.peers().size(), 6U);
    EXPECT_EQ(play.world.accepted(), 0U);
    echo(play, 1);
    EXPECT_EQ(checkouts(play, Checkout::kHit), 1U);
    EXPECT_EQ(checkouts(play, Checkout::kMiss), 0U);
    expect_warm(play, 6);  // And again.
  });
}

TEST_F(PoolScenario, ACrowdUsesEachConnectionOnceAndThePoolKeepsItsBound) {
  play([](Play& play) {
    pool(play, 3, 8);
    echoing(play);
    play.configure();
    for (std::uint64_t i = 0; i < 120; ++i) {
      SimPeer& client = play.client();
      client.send(keyed_stream(i, 200));
      client.shutdown_write();
      play.world.run_for(microseconds(play.world.prng().below(2000)));
    }
    expect_ended(play, 120, Actor::kClient, Cause::kEof);
    for (std::size_t i = 0; i < 120; ++i) {
      EXPECT_EQ(play.world.clients()[i]->received(), keyed_stream(i, 200));
    }
    EXPECT_EQ(checkouts(play, Checkout::kHit) + checkouts(play, Checkout::kMiss), 120U);
    EXPECT_GT(checkouts(play, Checkout::kHit), 0U);
  });
}

TEST_F(PoolScenario, AGreetingWaitsForItsClient) {
  play([](Play& play) {
    pool(play, 3, 3);
    play.world.add_service(address(kEndpoint),
                           [](SimPeer& upstream) { upstream.send(keyed_stream(7, 50)); });
    play.configure();
    expect_warm(play, 3);
    play.world.run_for(seconds(2));
    SimPeer& client = play.client();
    EXPECT_TRUE(play.world.run_until([&] { return client.received() == keyed_stream(7, 50); }));
    EXPECT_EQ(checkouts(play, Checkout::kHit), 1U);
    EXPECT_EQ(discarded(play, Discard::kClosed), 0U);
  });
}

TEST_F(PoolScenario, AServiceThatClosesAtOnceIsNotStormed) {
  play([](Play& play) {
    pool(play, 4, 4);
    const SimService& service =
        play.world.add_service(address(kEndpoint), [](SimPeer& upstream) { upstream.close(); });
    play.configure();
    play.world.run_for(minutes(2));
    // For each worker its first connects, nine waits up to the longest, and those of two minutes.
    EXPECT_LE(service.peers().size(), 4U + play.world.workers() * (9U + 8U));
    EXPECT_LE(idle(play), 4);
  });
}

TEST_F(PoolScenario, AServiceThatGreetsAndResetsWhileParkedCostsNoSession) {
  play([](Play& play) {
    pool(play, 3, 6);
    bool rude = true;
    backends::SimNetwork& network = play.world.network();
    play.world.add_service(address(kEndpoint), [&](SimPeer& upstream) {
      upstream.echo();
      upstream.send(keyed_stream(9, 10));
      if (!rude) return;
      network.at(network.now() + milliseconds(700), [&upstream] {
        if (!upstream.gone()) upstream.reset();
      });
    });
    play.configure();
    expect_warm(play, 3);
    play.world.run_for(seconds(10));
    EXPECT_GT(discarded(play, Discard::kClosed), 3U);
    rude = false;
    play.world.run_for(seconds(40));
    expect_warm(play, 3);
    SimPeer& client = play.client();
    EXPECT_TRUE(play.world.run_until([&] { return client.received() == keyed_stream(9, 10); }));
    client.shutdown_write();
    expect_ended(play, 1, Actor::kClient, Cause::kEof);
    EXPECT_EQ(checkouts(play, Checkout::kMiss), 0U);
  });
}

TEST_F(PoolScenario, AServiceThatClosesIdleConnectionsCostsNoSession) {
  play([](Play& play) {
    pool(play, 3, 6);
    backends::SimNetwork& network = play.world.network();
    play.world.add_service(address(kEndpoint), [&](SimPeer& upstream) {
      upstream.echo();
      network.at(network.now() + seconds(1), [&upstream] {
        if (!upstream.gone() && upstream.received().empty()) upstream.close();
      });
    });
    play.configure();
    for (std::uint64_t i = 0; i < 20; ++i) {
      play.world.run_for(milliseconds(play.world.prng().below(700)));
      echo(play, i);
    }
    expect_ended(play, 20, Actor::kClient, Cause::kEof);
    EXPECT_LE(discarded(play, Discard::kClosed), 6U * 20U);
  });
}

TEST_F(PoolScenario, AnEndpointThatRefusesIsLeftAloneAndComesBack) {
  for (const auto how : {SimReach::kRefused, SimReach::kBlackHole}) {
    play([how](Play& play) {
      pool(play, 4, 4);
      play.upstream().connect.timeout = milliseconds(500);
      play.excuses.connects_fail = true;
      reach(play, how);
      echoing(play);
      play.configure();
      play.world.run_for(minutes(2));
      std::uint64_t failures = 0;
      const auto cause =
          how == SimReach::kRefused ? Cause::kConnectRefused : Cause::kConnectTimeout;
      for (const auto& cells : play.world.catalog().endpoint("u0", kEndpoint).cells) {
        failures += cells->connect_failures[static_cast<std::size_t>(cause)].value();
      }
      EXPECT_GE(failures, 4U);
      EXPECT_LE(failures, 4U + play.world.workers() * (9U + 8U));
      reach(play, SimReach::kNormal);
      expect_warm(play, 4, proxy::Backoff::kLongest + seconds(5));
      echo(play, 1);
    });
  }
}

TEST_F(PoolScenario, AReloadChangesThePoolAndTheEndpointsUnderIt) {
  play([](Play& play) {
    pool(play, 2, 8);
    play.excuses.removed = true;
    const SimService& first = echoing(play);
    const SimService& second = play.world.add_service(address("10.0.1.2:8080"),
                                                      [](SimPeer& upstream) { upstream.echo(); });
    play.configure();
    expect_warm(play, 2);
    play.upstream().pool.idle = 6;
    play.configure();
    expect_warm(play, 6);
    EXPECT_EQ(first.peers().size(), 6U);
    echo(play, 1);
    play.upstream().endpoints[0].address = address("10.0.1.2:8080");
    play.configure();
    EXPECT_TRUE(play.world.run_until([&] { return second.peers().size() == 6; }, seconds(5)));
    echo(play, 2);
    play.upstream().pool.idle = 0;
    play.configure();
    play.world.run_for(milliseconds(100));
    EXPECT_EQ(idle(play), 0);
    echo(play, 3);
  });
}

TEST_F(PoolScenario, AVerdictEmptiesThePoolAndFillsIt) {
  play([](Play& play) {
    pool(play, 4, 8);
    echoing(play);
    play.configure();
    expect_warm(play, 4);
    play.world.judge("u0", kEndpoint, false);
    play.world.run_for(milliseconds(100));
    EXPECT_EQ(idle(play), 0);
    play.world.judge("u0", kEndpoint, true);
    expect_warm(play, 4);
  });
}

TEST_F(PoolScenario, SessionsComeFirstWhereTheServiceHasFewPlaces) {
  play([](Play& play) {
    pool(play, 6, 6);
    play.upstream().endpoints[0].max_sessions = 6;
    SimService& service = play.serve();
    play.configure();
    play.world.run_for(milliseconds(200));
    for (int i = 0; i < 6; ++i) {
      SimPeer& client = play.client();
      client.send(keyed_stream(static_cast<std::uint64_t>(i), 10));
    }
    const auto served = [&] {
      std::size_t count = 0;
      for (const auto& upstream : service.peers()) count += upstream->received().empty() ? 0 : 1;
      return count == 6;
    };
    EXPECT_TRUE(play.world.run_until(served, seconds(10)));
    play.world.run_for(milliseconds(200));
    EXPECT_EQ(idle(play), 0);
    EXPECT_EQ(play.world.sessions(), 6U);
  });
}

TEST_F(PoolScenario, AClientThatLeavesWithoutAByteGivesItsConnectionBack) {
  for (const bool reset : {true, false}) {
    play([reset](Play& play) {
      pool(play, 3, 3);
      const SimService& service = echoing(play);
      play.configure();
      expect_warm(play, 3);
      play.world.run_for(seconds(1));
      SimPeer& client = play.client();
      // It may have a connection before it knows that it has arrived itself.
      EXPECT_TRUE(play.world.run_until([&] {
        return checkouts(play, Checkout::kHit) == 1 && client.state() == SimPeer::State::kOpen;
      }));
      reset ? client.reset() : client.close();
      expect_ended(play, 1, Actor::kClient, reset ? Cause::kReset : Cause::kEof);
      expect_warm(play, 3);
      EXPECT_LE(service.peers().size(), 4U);
      echo(play, 5);
    });
  }
}

TEST_F(PoolScenario, AConnectOutlivesAClientThatResets) {
  Stage stage;
  stage.workers = 1;
  play(stage, [](Play& play) {
    pool(play, 1, 4);
    backends::SimPath far;
    far.latency_min = far.latency_max = milliseconds(50);
    play.world.network().set_path(address(kEndpoint), far);
    const SimService& service = echoing(play);
    play.configure();
    expect_warm(play, 1);
    for (int i = 0; i < 4; ++i) play.client();
    play.world.run_for(milliseconds(20));  // One has a connection, three wait for theirs.
    for (const auto& client : play.world.clients()) client->reset();
    expect_ended(play, 4, Actor::kClient, Cause::kReset);
    play.world.run_for(milliseconds(300));
    EXPECT_GE(idle(play), 1);
    EXPECT_GE(service.peers().size(), 2U);
    echo(play, 3);
  });
}

TEST_F(PoolScenario, ADrainServesWhoIsThereAndKeepsNothing) {
  play([](Play& play) {
    pool(play, 4, 8);
    echoing(play);
    play.configure();
    expect_warm(play, 4);
    SimPeer& client = play.client();
    client.send(keyed_stream(1, 100));
    EXPECT_TRUE(play.world.run_until([&] { return client.received() == keyed_stream(1, 100); }));
    play.world.drain(seconds(20));
    play.world.run_for(seconds(1));
    EXPECT_EQ(idle(play), 0);
    EXPECT_FALSE(play.world.finished());
    client.shutdown_write();
    EXPECT_TRUE(play.world.run_until([&] { return play.world.finished(); }, seconds(10)));
  });
}

}  // namespace
}  // namespace simulation
