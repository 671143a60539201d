// One of three endpoints dies under load: who fails, and until when. The promise of issue 3: no
// session fails after the endpoint was found out, and before that at most those that were on it.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using proxy::Actor;
using proxy::Cause;

class Failover : public Scenario {
 protected:
  static std::string at(std::size_t index) { return "10.0.1." + std::to_string(index + 1) + ":80"; }

  static void configure(Play& play) {
    play.config = simple_config(kListener, {at(0), at(1), at(2)});
    config::Upstream& upstream = play.upstream();
    config::Health& health = upstream.health.emplace();
    health.interval = milliseconds(500);
    health.fast_interval = milliseconds(50);
    upstream.outlier.emplace();
    upstream.connect.retry_budget = 100;
    play.configure();
  }
  // Echoes; once dead it resets whoever comes, as a machine does whose service has gone.
  static SimService& serve(Play& play, std::size_t index, const bool& dead) {
    return play.world.add_service(address(at(index)), [&dead](SimPeer& upstream) {
      dead ? upstream.reset() : upstream.echo();
    });
  }
  // A client that asks, waits for the answer, and says goodbye.
  static void arrive(Play& play) {
    SimPeer& client = play.client();
    client.send(keyed_stream(play.world.clients().size(), 64));
    client.on_event([](SimPeer& self) {
      if (self.received().size() == 64 && !self.finishing()) self.shutdown_write();
    });
  }
  static void load(Play& play, int clients) {
    for (int i = 0; i < clients; ++i) {
      arrive(play);
      play.world.run_for(milliseconds(1));
    }
  }
  static std::uint64_t failed(Play& play) {
    return play.world.ended() - play.world.ended(Actor::kClient, Cause::kEof);
  }
  static const proxy::EndpointSeries& series(Play& play, std::size_t index) {
    return play.world.catalog().endpoint("u0", at(index));
  }
  static std::uint64_t failed_connects(Play& play, std::size_t index) {
    std::uint64_t sum = 0;
    for (const auto& cells : series(play, index).cells) {
      for (const auto& cause : cells->connect_failures) sum += cause.value();
    }
    return sum;
  }
};

TEST_F(Failover, OfAKilledEndpointFailsItsOwnSessionsAndNobodyAfterItWasFoundOut) {
  Stage stage;
  stage.monitor = true;
  play(stage, [](Play& play) {
    const bool alive = false;
    bool dead = false;
    play.excuses.connects_fail = true;
    SimService& victim = serve(play, 0, dead);
    serve(play, 1, alive);
    serve(play, 2, alive);
    configure(play);
    load(play, 100);
    EXPECT_EQ(failed(play), 0U);
    // The kill.
    const auto in_flight =
        proxy::sum_over_workers(series(play, 0), &proxy::EndpointCells::sessions);
    dead = true;
    backends::SimPath path;
    path.reach = backends::SimReach::kRefused;
    play.world.network().set_path(address(at(0)), path);
    for (const auto& upstream : victim.peers()) {
      if (!upstream->gone()) upstream->reset();
    }
    const auto found_out = [&] {
      return series(play, 0).verdict.ejected || !series(play, 0).verdict.healthy;
    };
    for (int i = 0; i < 5000 && !found_out(); ++i) load(play, 1);
    EXPECT_TRUE(found_out());
    play.world.run_for(milliseconds(20));  // Every worker knows.
    EXPECT_LE(failed(play), static_cast<std::uint64_t>(in_flight));
    const std::uint64_t failed_before = failed(play);
    const std::uint64_t failed_connects_before = failed_connects(play, 0);
    load(play, 200);
    play.world.run_for(seconds(1));
    EXPECT_EQ(failed(play), failed_before);
    EXPECT_EQ(failed_connects(play, 0), failed_connects_before);  // It was not even tried.
    EXPECT_EQ(play.world.sessions(), 0U);
  });
}

}  // namespace
}  // namespace simulation
