// Timeouts fire neither early nor more than a tick of the wheel late, whatever the transport does.
#include "proxy/timer_wheel.h"
#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using proxy::Actor;
using proxy::Cause;

// One tick of the wheel, the step that hears of it, and the way of a reset to the far end.
constexpr Nanos kLatest = proxy::TimerWheel::kTick + microseconds(200);

class Timeouts : public Scenario {
 protected:
  static Stage exact() {
    Stage stage;
    stage.exact_latency = true;
    return stage;
  }

  static void expect_between(Nanos what, Nanos low, Nanos high) {
    EXPECT_GE(what, low);
    EXPECT_LE(what, high);
  }

  static Nanos until_ended(Play& play) {
    EXPECT_TRUE(play.world.run_until([&] { return play.world.ended() > 0; }, minutes(60)));
    return play.world.now();
  }
};

TEST_F(Timeouts, IdleCountsFromTheLastPayloadInEitherDirection) {
  for (const bool by_client : {true, false}) {
    play(exact(), [by_client](Play& play) {
      play.listener().timeouts.idle = seconds(2);
      auto [client, upstream] = join(play);
      play.world.run_for(milliseconds(1500));
      (by_client ? client : upstream).send(keyed_stream(1, 10));
      SimPeer& receiver = by_client ? upstream : client;
      EXPECT_TRUE(play.world.run_until([&] { return receiver.received().size() == 10; }));
      const Nanos moved = play.world.now();
      // The relay moved the last byte at most one way before it arrived.
      expect_between(until_ended(play) - moved, seconds(2) - microseconds(10),
                     seconds(2) + kLatest);
      EXPECT_EQ(play.world.ended(Actor::kProxy, Cause::kIdle), 1U);
      play.world.run_for(milliseconds(1));
      EXPECT_TRUE(client.was_reset());
      EXPECT_TRUE(upstream.was_reset());
    });
  }
}

TEST_F(Timeouts, ASteadyTrickleKeepsASessionAliveForEver) {
  play(exact(), [](Play& play) {
    play.listener().timeouts.idle = seconds(1);
    auto [client, upstream] = join(play);
    for (int i = 0; i < 50; ++i) {
      (i % 2 == 0 ? client : upstream).send(keyed_stream(1, 1));
      play.world.run_for(milliseconds(900));
    }
    EXPECT_EQ(play.world.sessions(), 1U);
    EXPECT_EQ(client.received().size() + upstream.received().size(), 50U);
  });
}

TEST_F(Timeouts, LifetimeEndsABusySession) {
  play(exact(), [](Play& play) {
    play.listener().timeouts.lifetime = seconds(3);
    play.listener().timeouts.idle = seconds(1);
    play.serve();
    play.configure();
    const Nanos began = play.world.now();
    SimPeer& client = play.client();
    while (play.world.ended() == 0 && play.world.now() < began + seconds(10)) {
      if (!client.was_reset()) client.send(keyed_stream(1, 100));
      play.world.run_until([&] { return play.world.ended() > 0; }, milliseconds(100));
    }
    EXPECT_EQ(play.world.ended(Actor::kProxy, Cause::kLifetime), 1U);
    // The client was accepted one way after it began.
    expect_between(play.world.now() - began, seconds(3), seconds(3) + kLatest);
  });
}

TEST_F(Timeouts, LifetimeAlsoEndsASessionThatIsStillConnecting) {
  play(exact(), [](Play& play) {
    play.listener().timeouts.lifetime = milliseconds(800);
    play.upstream().connect.timeout = milliseconds(500);
    play.config.upstreams[0].endpoints.push_back(play.upstream().endpoints[0]);
    play.config.upstreams[0].endpoints[1].address = address("10.0.1.2:8080");
    backends::SimPath hole;
    hole.reach = backends::SimReach::kBlackHole;
    for (const config::Endpoint& endpoint : play.upstream().endpoints) {
      play.world.network().set_path(endpoint.address, hole);
    }
    play.configure();
    const Nanos began = play.world.now();
    SimPeer& client = play.client();
    expect_between(until_ended(play) - began, milliseconds(800), milliseconds(800) + kLatest);
    EXPECT_EQ(play.world.ended(Actor::kProxy, Cause::kLifetime), 1U);
    play.world.run_for(milliseconds(1));
    EXPECT_TRUE(client.was_reset());
  });
}

TEST_F(Timeouts, HalfCloseCountsFromTheFinOrTheLastPayloadAfterIt) {
  for (const bool more : {false, true}) {
    play(exact(), [more](Play& play) {
      play.listener().timeouts.half_close = seconds(2);
      auto [client, upstream] = join(play);
      client.shutdown_write();
      EXPECT_TRUE(play.world.run_until([&, &end = upstream] { return end.eof(); }));
      if (more) {
        play.world.run_for(milliseconds(1500));
        upstream.send(keyed_stream(2, 10));
        EXPECT_TRUE(
            play.world.run_until([&, &end = client] { return end.received().size() == 10; }));
      }
      const Nanos last = play.world.now();
      expect_between(until_ended(play) - last, seconds(2) - microseconds(10), seconds(2) + kLatest);
      EXPECT_EQ(play.world.ended(Actor::kProxy, Cause::kHalfCloseTimeout), 1U);
    });
  }
}

TEST_F(Timeouts, ZeroMeansOff) {
  play(exact(), [](Play& play) {
    play.listener().timeouts = {.idle = Nanos{0}, .half_close = Nanos{0}, .lifetime = Nanos{0}};
    auto [client, upstream] = join(play);
    client.shutdown_write();
    play.world.run_for(std::chrono::hours(24));
    EXPECT_EQ(play.world.sessions(), 1U);
    EXPECT_FALSE(upstream.was_reset());
  });
}

TEST_F(Timeouts, EveryConnectAttemptHasItsOwnTimeoutAndItsOwnEndpoint) {
  play(exact(), [](Play& play) {
    const std::vector<std::string> endpoints = {"10.0.1.1:1", "10.0.1.2:1", "10.0.1.3:1",
                                                "10.0.1.4:1"};
    play.config = simple_config(kListener, endpoints);
    play.upstream().connect.timeout = milliseconds(700);
    play.upstream().connect.attempts = 3;
    backends::SimPath hole;
    hole.reach = backends::SimReach::kBlackHole;
    for (const std::string& endpoint : endpoints) {
      play.world.network().set_path(address(endpoint), hole);
    }
    play.excuses.connects_fail = true;
    play.configure();
    const Nanos began = play.world.now();
    SimPeer& client = play.client();
    const Nanos took = until_ended(play) - began;
    EXPECT_EQ(play.world.ended(Actor::kUpstream, Cause::kConnectTimeout), 1U);
    expect_between(took, milliseconds(2100), milliseconds(2100) + 3 * kLatest);
    play.world.run_for(milliseconds(1));
    EXPECT_TRUE(client.was_reset());
    std::size_t tried = 0;
    play.world.catalog().read([&](const proxy::MetricsCatalog::Contents& contents) {
      for (const auto& [names, series] : contents.endpoints) {
        std::uint64_t failures = 0;
        for (const auto& cells : series->cells) {
          failures +=
              cells->connect_failures[static_cast<std::size_t>(Cause::kConnectTimeout)].value();
        }
        EXPECT_LE(failures, 1U) << names.endpoint << " was tried twice";
        tried += failures;
      }
    });
    EXPECT_EQ(tried, 3U);
  });
}

}  // namespace
}  // namespace simulation
