// Limits of upstreams and endpoints, the queue before them, and what a reload does to both.
#include <numeric>

#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using proxy::Actor;
using proxy::Cause;

class Limits : public Scenario {
 protected:
  static std::int64_t waiting(Play& play) {
    return proxy::sum_over_workers(play.world.catalog().upstream("u0"),
                                   &proxy::UpstreamCells::queued);
  }
  static std::int64_t active(Play& play) {
    return proxy::sum_over_workers(play.world.catalog().upstream("u0"),
                                   &proxy::UpstreamCells::sessions);
  }
  static void limit(Play& play, const config::Limits& limits) {
    play.upstream().limits = limits;
    play.excuses.limited = true;
  }
  static void serve_echo(Play& play, const std::string& where = kEndpoint) {
    play.world.add_service(address(where), [](SimPeer& upstream) { upstream.echo(); });
  }
  // Clients that say something and goodbye, and wait for the echo.
  static void add_speakers(Play& play, std::size_t clients) {
    for (std::size_t i = 0; i < clients; ++i) {
      SimPeer& client = play.client();
      client.send(keyed_stream(i, 500));
      client.shutdown_write();
    }
  }
  // One client that holds its session until it is told otherwise, then one in the queue.
  static SimPeer& occupy(Play& play) {
    SimPeer& holder = play.client();
    EXPECT_TRUE(play.world.run_until([&] { return active(play) == 1; }, seconds(5)));
    return holder;
  }
  static SimPeer& queue_up(Play& play) {
    const std::int64_t before = waiting(play);
    SimPeer& client = play.client();
    EXPECT_TRUE(play.world.run_until([&] { return waiting(play) == before + 1; }, seconds(5)));
    return client;
  }
};

// World::check_limits looks after every step of every worker.
TEST_F(Limits, AreNeverPassedAndEverybodyIsServedInTheEnd) {
  Stage stage;
  stage.worlds = 60;
  play(stage, [](Play& play) {
    base::Prng& prng = play.world.prng();
    const auto draw = [&prng](std::uint64_t most) {
      return static_cast<std::uint32_t>(prng.below(most + 1));
    };
    play.config = simple_config(kListener, {kEndpoint, "10.0.1.2:8080"});
    play.upstream().balance = static_cast<config::Balance>(prng.below(6));
    limit(play, {.max_sessions = draw(4),
                 .max_connecting = draw(3),
                 .queue = 100,
                 .queue_timeout = minutes(2)});
    for (config::Endpoint& endpoint : play.upstream().endpoints) {
      endpoint.max_sessions = draw(2);
      endpoint.max_connecting = draw(2);
      serve_echo(play, base::to_string(endpoint.address));
    }
    play.configure();
    add_speakers(play, 30);
    expect_ended(play, 30, Actor::kClient, Cause::kEof);
    for (std::size_t i = 0; i < 30; ++i) {
      EXPECT_EQ(play.world.clients()[i]->received(), keyed_stream(i, 500));
    }
  });
}

TEST_F(Limits, TheQueueOfAWorkerIsFirstInFirstOut) {
  Stage stage;
  stage.workers = 1;
  play(stage, [](Play& play) {
    limit(play, {.max_sessions = 1, .max_connecting = 0, .queue = 20, .queue_timeout = minutes(1)});
    SimService& service = play.serve();
    play.configure();
    SimPeer& holder = occupy(play);
    std::vector<SimPeer*> queue;
    for (std::size_t i = 0; i < 10; ++i) {
      queue.push_back(&queue_up(play));
      queue.back()->send(keyed_stream(i, 100));
    }
    // Some leave from the middle; clients that come later do not overtake.
    queue[3]->reset();
    queue[7]->reset();
    EXPECT_TRUE(play.world.run_until([&] { return waiting(play) == 8; }, seconds(5)));
    const std::vector<std::size_t> order = {0, 1, 2, 4, 5, 6, 8, 9};
    holder.reset();
    for (std::size_t served = 0; served < order.size(); ++served) {
      EXPECT_TRUE(play.world.run_until(
          [&] {
            return service.peers().size() == served + 2 &&
                   service.peers().back()->received() == keyed_stream(order[served], 100);
          },
          seconds(5)));
      play.client();  // A newcomer, to the end of the queue.
      queue[order[served]]->reset();
    }
  });
}

TEST_F(Limits, WaitingEndsWithTheQueueTimeout) {
  play([](Play& play) {
    limit(play, {.max_sessions = 1, .max_connecting = 0, .queue = 5, .queue_timeout = seconds(2)});
    play.serve();
    play.configure();
    occupy(play);
    SimPeer& client = queue_up(play);
    const Nanos began = play.world.now();
    EXPECT_TRUE(play.world.run_until([&] { return play.world.ended() == 1; }, seconds(10)));
    EXPECT_GE(play.world.now() - began, milliseconds(1900));
    EXPECT_LE(play.world.now() - began, milliseconds(2100));
    EXPECT_EQ(play.world.ended(Actor::kProxy, Cause::kQueueTimeout), 1U);
    EXPECT_TRUE(play.world.run_until([&] { return client.was_reset(); }, seconds(1)));
  });
}

TEST_F(Limits, AFullQueueAndNoQueueTurnClientsAway) {
  for (const std::uint32_t places : {0U, 2U}) {
    play([places](Play& play) {
      limit(play,
            {.max_sessions = 1, .max_connecting = 0, .queue = places, .queue_timeout = minutes(1)});
      play.serve();
      play.configure();
      occupy(play);
      for (std::uint32_t i = 0; i < places; ++i) queue_up(play);
      for (int i = 0; i < 5; ++i) play.client();
      EXPECT_TRUE(play.world.run_until([&] { return play.world.ended() == 5; }, seconds(5)));
      EXPECT_EQ(play.world.ended(Actor::kProxy, places == 0 ? Cause::kLimit : Cause::kQueueFull),
                5U);
    });
  }
}

TEST_F(Limits, AWaitingClientThatResetsIsGoneAndOneThatSaysFinIsServed) {
  play([](Play& play) {
    limit(play, {.max_sessions = 1, .max_connecting = 0, .queue = 5, .queue_timeout = minutes(1)});
    serve_echo(play);
    play.configure();
    SimPeer& holder = occupy(play);
    SimPeer& rude = queue_up(play);
    SimPeer& polite = queue_up(play);
    polite.send(keyed_stream(1, 300));
    polite.shutdown_write();
    rude.reset();
    EXPECT_TRUE(play.world.run_until([&] { return waiting(play) == 1; }, seconds(5)));
    EXPECT_EQ(play.world.ended(Actor::kClient, Cause::kReset), 1U);
    holder.reset();
    EXPECT_TRUE(play.world.run_until([&] { return polite.eof(); }, seconds(5)));
    EXPECT_EQ(polite.received(), keyed_stream(1, 300));
  });
}

// Both workers' clients are served although only one worker has a place to give back.
TEST_F(Limits, APlaceThatAnotherWorkerFreesReachesWhoeverWaits) {
  Stage stage;
  stage.workers = 3;
  play(stage, [](Play& play) {
    limit(play, {.max_sessions = 1, .max_connecting = 0, .queue = 50, .queue_timeout = minutes(1)});
    serve_echo(play);
    play.configure();
    SimPeer& holder = occupy(play);
    add_speakers(play, 20);
    EXPECT_TRUE(play.world.run_until([&] { return waiting(play) == 20; }, seconds(5)));
    holder.shutdown_write();
    expect_ended(play, 21, Actor::kClient, Cause::kEof);
  });
}

TEST_F(Limits, AReloadThatLiftsALimitServesTheQueueAndOneThatLowersItCutsNobody) {
  play([](Play& play) {
    limit(play, {.max_sessions = 1, .max_connecting = 0, .queue = 50, .queue_timeout = minutes(1)});
    SimService& service = play.serve();
    play.configure();
    occupy(play);
    for (int i = 0; i < 6; ++i) queue_up(play);
    play.upstream().limits.max_sessions = 4;
    play.configure();
    EXPECT_TRUE(play.world.run_until([&] { return service.peers().size() == 4; }, seconds(5)));
    play.world.run_for(milliseconds(50));
    EXPECT_EQ(waiting(play), 3);
    play.upstream().limits.max_sessions = 2;
    play.configure();
    play.world.run_for(milliseconds(50));
    EXPECT_EQ(active(play), 4);
    for (std::size_t i = 0; i < 2; ++i) service.peers()[i]->reset();
    play.world.run_for(milliseconds(50));
    EXPECT_EQ(active(play), 2);
    EXPECT_EQ(waiting(play), 3);
    play.upstream().limits.max_sessions = 0;
    play.configure();
    EXPECT_TRUE(play.world.run_until([&] { return service.peers().size() == 7; }, seconds(5)));
    EXPECT_EQ(waiting(play), 0);
  });
}

TEST_F(Limits, WhoWaitsForAnUpstreamThatAReloadRemovesIsToldSo) {
  play([](Play& play) {
    limit(play, {.max_sessions = 1, .max_connecting = 0, .queue = 50, .queue_timeout = minutes(1)});
    play.serve();
    play.configure();
    occupy(play);
    for (int i = 0; i < 4; ++i) queue_up(play);
    play.excuses.removed = true;
    play.upstream().name = play.listener().upstream.name = "u1";
    play.upstream().on_remove = config::OnRemove::kKeep;
    play.config.shutdown.drain = minutes(5);
    play.configure();
    EXPECT_TRUE(play.world.run_until([&] { return play.world.ended() == 4; }, seconds(5)));
    EXPECT_EQ(play.world.ended(Actor::kAdmin, Cause::kRemoved), 4U);
    EXPECT_EQ(active(play), 1);
  });
}

TEST_F(Limits, SessionsOfARemovedEndpointAreKeptDrainedOrClosed) {
  for (const auto rule :
       {config::OnRemove::kKeep, config::OnRemove::kDrain, config::OnRemove::kClose}) {
    play([rule](Play& play) {
      SimService& old_service = play.serve();
      play.configure();
      for (int i = 0; i < 8; ++i) play.client();
      EXPECT_TRUE(
          play.world.run_until([&] { return old_service.peers().size() == 8; }, seconds(5)));
      play.world.run_for(milliseconds(20));
      play.serve("10.0.1.2:8080");
      play.excuses.removed = true;
      play.upstream().endpoints[0].address = address("10.0.1.2:8080");
      play.upstream().on_remove = rule;
      play.config.shutdown.drain = seconds(2);
      play.configure();
      play.client();
      play.world.run_for(milliseconds(1800));
      const std::uint64_t at_once = rule == config::OnRemove::kClose ? 8 : 0;
      EXPECT_EQ(play.world.ended(Actor::kAdmin, Cause::kRemoved), at_once);
      play.world.run_for(seconds(30));
      const std::uint64_t in_the_end = rule == config::OnRemove::kKeep ? 0 : 8;
      EXPECT_EQ(play.world.ended(Actor::kAdmin, Cause::kRemoved), in_the_end);
      EXPECT_EQ(play.world.ended(), in_the_end);  // The new endpoint's session goes on.
    });
  }
}

TEST_F(Limits, ABackupServesWhileTheBetterOnesAreDownAndNotLonger) {
  play([](Play& play) {
    play.config = simple_config(kListener, {kEndpoint, "10.0.1.2:8080"});
    play.upstream().endpoints[1].priority = 1;
    SimService& best = play.serve();
    SimService& backup = play.serve("10.0.1.2:8080");
    play.configure();
    const auto reach = [&](SimService& service, std::size_t sessions) {
      for (int i = 0; i < 5; ++i) play.client();
      EXPECT_TRUE(
          play.world.run_until([&] { return service.peers().size() == sessions; }, seconds(5)));
    };
    reach(best, 5);
    play.world.judge("u0", kEndpoint, false);
    reach(backup, 5);
    EXPECT_EQ(best.peers().size(), 5U);
    play.world.judge("u0", kEndpoint, true);
    reach(best, 10);
    EXPECT_EQ(backup.peers().size(), 5U);
  });
}

}  // namespace
}  // namespace simulation
