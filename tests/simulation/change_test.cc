// Reload and stop as the workers see them: failure_cases C6.
#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using proxy::Actor;
using proxy::Cause;

constexpr const char* kOther = "10.0.0.1:81";

class Change : public Scenario {
 protected:
  static config::Listener second_listener(const Play& play, const std::string& name,
                                          const std::string& bind) {
    config::Listener listener = play.config.listeners.at(0);
    listener.name = name;
    listener.bind = {{.address = address(bind), .v6_only = false, .mark = {}}};
    return listener;
  }

  static void serve_echo(Play& play) {
    play.world.add_service(address(kEndpoint), [](SimPeer& upstream) { upstream.echo(); });
  }

  // A client for each millisecond, each with a small exchange.
  static void start_load(Play& play, std::size_t clients) {
    for (std::size_t i = 0; i < clients; ++i) {
      play.world.network().at(play.world.now() + milliseconds(i), [&play] {
        SimPeer& client = play.client();
        client.send(keyed_stream(client.number(), 1000));
        client.shutdown_write();
      });
    }
  }

  static void expect_all_served(Play& play, std::size_t clients, std::size_t first = 0) {
    EXPECT_TRUE(play.world.run_until([&] { return play.world.clients().size() == first + clients; },
                                     minutes(1)));
    play.world.run_for(seconds(3));
    for (std::size_t i = first; i < play.world.clients().size(); ++i) {
      const SimPeer& client = *play.world.clients()[i];
      EXPECT_TRUE(client.eof()) << "client " << client.number();
      EXPECT_EQ(client.received(), keyed_stream(client.number(), 1000));
    }
  }
};

TEST_F(Change, TheSameConfigurationAgainAndAgainFailsNobody) {  // 99, 103
  play([](Play& play) {
    auto [client, upstream] = join(play);
    start_load(play, 60);
    // The service of join() does not echo; its peers answer when they see the FIN.
    for (int i = 0; i < 20; ++i) {
      play.world.run_for(milliseconds(4));
      play.configure();
    }
    play.world.run_for(seconds(1));
    const auto& peers = play.world.services()[0]->peers();
    ASSERT_EQ(peers.size(), 61U);
    for (std::size_t i = 1; i < peers.size(); ++i) {
      EXPECT_EQ(peers[i]->received().size(), 1000U);
      peers[i]->shutdown_write();
    }
    EXPECT_TRUE(play.world.run_until([&] { return play.world.ended() == 60; }));
    EXPECT_EQ(play.world.ended(Actor::kClient, Cause::kEof), 60U);
    client.send(keyed_stream(9, 5000));
    EXPECT_TRUE(play.world.run_until(
        [&, &end = upstream] { return end.received() == keyed_stream(9, 5000); }));
  });
}

TEST_F(Change, ListenersComeAndGoWhileOthersServeOn) {  // 100
  play([](Play& play) {
    serve_echo(play);
    play.configure();
    start_load(play, 60);
    play.world.run_for(milliseconds(10));
    const config::Listener extra = second_listener(play, "l1", kOther);
    play.config.listeners.push_back(extra);
    play.configure();
    SimPeer& guest = play.world.add_client(address(kOther));
    guest.send(keyed_stream(guest.number(), 1000));
    EXPECT_TRUE(play.world.run_until([&] { return guest.received().size() == 1000; }));
    play.config.listeners.pop_back();
    play.configure();
    SimPeer& late = play.world.add_client(address(kOther));
    play.world.run_for(milliseconds(20));
    EXPECT_EQ(late.state(), SimPeer::State::kRefused);
    // The removed listener's session lives on.
    guest.send(keyed_stream(guest.number() + 1, 10));
    EXPECT_TRUE(play.world.run_until([&] { return guest.received().size() == 1010; }));
    guest.shutdown_write();
    EXPECT_TRUE(play.world.run_until([&] { return guest.eof(); }));
    EXPECT_TRUE(play.world.run_until([&] { return play.world.sessions() == 0; }, minutes(1)));
    play.world.run_for(seconds(1));
    for (const auto& client : play.world.clients()) {
      if (client.get() != &late) {
        EXPECT_TRUE(client->eof()) << client->number();
      }
    }
  });
}

TEST_F(Change, ClientsOfARemovedListenersQueueAreStillServed) {  // 101
  play([](Play& play) {
    serve_echo(play);
    const config::Listener extra = second_listener(play, "l1", kOther);
    play.config.listeners.push_back(extra);
    play.configure();
    for (int i = 0; i < 60; ++i) {
      SimPeer& client = play.world.add_client(address(kOther));
      client.send(keyed_stream(client.number(), 1000));
      client.shutdown_write();
    }
    // Some have arrived, some are on their way; those that come after are refused.
    play.world.run_for(microseconds(play.world.prng().below(1500)));
    play.config.listeners.pop_back();
    play.configure();
    play.world.run_for(seconds(5));
    for (const auto& client : play.world.clients()) {
      if (client->state() == SimPeer::State::kRefused) continue;
      EXPECT_TRUE(client->eof()) << client->number();
      EXPECT_FALSE(client->was_reset());
    }
  });
}

TEST_F(Change, AConfigurationThatCannotListenChangesNothing) {  // 102
  play([](Play& play) {
    serve_echo(play);
    play.configure();
    start_load(play, 40);
    play.world.run_for(milliseconds(10));
    config::Config bad = play.config;
    bad.listeners.push_back(second_listener(play, "l1", kOther));
    bad.listeners.push_back(second_listener(play, "l2", "10.0.0.1:82"));
    bad.listeners[0].max_sessions = 1;
    bad.upstreams[0].endpoints[0].weight = 0;
    play.world.network().set_listen_error(address("10.0.0.1:82"), base::to_errno(EADDRINUSE));
    const auto failure = play.world.configure(bad);
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->listener, 2U);
    EXPECT_EQ(failure->error, base::to_errno(EADDRINUSE));
    SimPeer& guest = play.world.add_client(address(kOther));
    play.world.run_for(milliseconds(20));
    EXPECT_TRUE(guest.was_reset());  // Refused.
    guest.close();
    EXPECT_TRUE(play.world.run_until([&] { return play.world.clients().size() == 41; }));
    play.world.run_for(seconds(3));
    for (const auto& client : play.world.clients()) {
      if (client.get() != &guest) {
        EXPECT_TRUE(client->eof()) << client->number();
      }
    }
    // And a good one can follow.
    play.world.network().set_listen_error(address("10.0.0.1:82"), base::Errno::kNone);
    play.configure();
  });
}

TEST_F(Change, ARefusedRenamingOfAListenerLosesNoneOfItsClients) {
  play([](Play& play) {
    serve_echo(play);
    play.configure();
    start_load(play, 60);
    play.world.run_for(milliseconds(10));
    config::Config bad = play.config;
    bad.listeners[0].name = "renamed";
    bad.listeners.push_back(second_listener(play, "l2", "10.0.0.1:82"));
    for (int i = 0; i < 10; ++i) {
      // On the last worker only: the others have prepared, and wait for what main decides.
      play.world.network().set_listen_error(address("10.0.0.1:82"), base::to_errno(EADDRINUSE),
                                            play.world.workers() - 1);
      ASSERT_TRUE(play.world.configure(bad).has_value());
      play.world.run_for(milliseconds(3));
    }
    expect_all_served(play, 60);
  });
}

TEST_F(Change, ARenamedListenerKeepsItsClients) {
  play([](Play& play) {
    serve_echo(play);
    play.configure();
    start_load(play, 60);
    for (int i = 0; i < 10; ++i) {
      play.world.run_for(milliseconds(5));
      play.listener().name = "renamed " + std::to_string(i);
      play.configure();
    }
    expect_all_served(play, 60);
  });
}

TEST_F(Change, NewSessionsFollowTheNewRulesAndOldOnesKeepTheirs) {
  play([](Play& play) {
    play.listener().timeouts.idle = seconds(5);
    auto [client, upstream] = join(play);
    play.config.upstreams[0].endpoints[0].address = address("10.0.1.2:8080");
    SimService& moved = play.serve("10.0.1.2:8080");
    play.configure();
    play.client();
    EXPECT_TRUE(play.world.run_until([&] { return moved.peers().size() == 1; }));
    EXPECT_EQ(play.world.services()[0]->peers().size(), 1U);
    client.send(keyed_stream(3, 100));  // The removed endpoint's session goes on.
    EXPECT_TRUE(play.world.run_until(
        [&, &end = upstream] { return end.received() == keyed_stream(3, 100); }));
    expect_ended(play, 2, Actor::kProxy, Cause::kIdle);
  });
}

TEST_F(Change, ADrainServesWhoIsThereRefusesWhoComesAndEndsByItself) {  // 104
  play([](Play& play) {
    serve_echo(play);
    play.configure();
    std::vector<SimPeer*> guests;
    guests.reserve(20);
    for (int i = 0; i < 20; ++i) guests.push_back(&play.client());
    play.world.run_for(milliseconds(50));
    play.world.drain(seconds(30));
    SimPeer& late = play.client();
    play.world.run_for(milliseconds(50));
    EXPECT_EQ(late.state(), SimPeer::State::kRefused);
    EXPECT_FALSE(play.world.finished());
    for (SimPeer* guest : guests) {
      guest->send(keyed_stream(guest->number(), 2000));
      guest->shutdown_write();
    }
    EXPECT_TRUE(play.world.run_until([&] { return play.world.finished(); }, seconds(5)));
    play.world.run_for(milliseconds(50));
    for (const SimPeer* guest : guests) {
      EXPECT_TRUE(guest->eof());
      EXPECT_EQ(guest->received(), keyed_stream(guest->number(), 2000));
    }
  });
}

TEST_F(Change, ClientsWaitingInTheQueueAreServedThroughADrain) {
  play([](Play& play) {
    serve_echo(play);
    play.configure();
    for (int i = 0; i < 120; ++i) {
      SimPeer& client = play.client();
      client.send(keyed_stream(client.number(), 1000));
      client.shutdown_write();
    }
    play.world.run_for(microseconds(play.world.prng().below(1500)));
    play.world.drain(seconds(30));
    EXPECT_TRUE(play.world.run_until([&] { return play.world.finished(); }, seconds(20)));
    play.world.run_for(milliseconds(50));
    for (const auto& client : play.world.clients()) {
      if (client->state() == SimPeer::State::kRefused) continue;
      EXPECT_TRUE(client->eof()) << client->number();
      EXPECT_FALSE(client->was_reset()) << client->number();
    }
  });
}

TEST_F(Change, ASecondDrainWithoutGraceEndsEverythingAtOnce) {  // 104
  play([](Play& play) {
    auto [client, upstream] = join(play);
    play.excuses.drained = true;
    play.world.drain(base::kForever);
    play.world.run_for(minutes(10));
    EXPECT_EQ(play.world.sessions(), 1U);
    const Nanos began = play.world.now();
    play.world.drain(Nanos{0});
    expect_ended(play, 1, Actor::kAdmin, Cause::kDrain);
    EXPECT_LT(play.world.now() - began, milliseconds(50));
    EXPECT_TRUE(client.was_reset());
    EXPECT_TRUE(upstream.was_reset());
  });
}

}  // namespace
}  // namespace simulation
