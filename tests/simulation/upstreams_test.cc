// Which endpoint a session gets, and what happens when it cannot be had: failure_cases C3.
#include <numeric>

#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using proxy::Actor;
using proxy::Cause;

class Upstreams : public Scenario {
 protected:
  static void reach(Play& play, const std::string& where, backends::SimReach how) {
    backends::SimPath path;
    path.reach = how;
    play.world.network().set_path(address(where), path);
  }
};

constexpr const char* kBad = "10.0.1.9:1";

TEST_F(Upstreams, AnEndpointThatCannotBeReachedCostsARetryAndNoSession) {  // 33, 34, 35
  for (const auto how : {backends::SimReach::kRefused, backends::SimReach::kUnreachable,
                         backends::SimReach::kBlackHole}) {
    play([how](Play& play) {
      play.config = simple_config(kListener, {kBad, kEndpoint});
      play.upstream().balance = config::Balance::kFirst;
      play.upstream().connect.timeout = milliseconds(500);
      reach(play, kBad, how);
      play.excuses.connects_fail = true;
      play.world.add_service(address(kEndpoint), [](SimPeer& upstream) { upstream.echo(); });
      play.configure();
      for (int i = 0; i < 10; ++i) {
        SimPeer& client = play.client();
        client.send(keyed_stream(static_cast<std::uint64_t>(i), 1000));
        client.shutdown_write();
      }
      expect_ended(play, 10, Actor::kClient, Cause::kEof);
      for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_EQ(play.world.clients()[i]->received(), keyed_stream(i, 1000));
      }
    });
  }
}

TEST_F(Upstreams, WhenEveryEndpointFailsTheClientIsResetAndTheReasonIsTheLastOne) {  // 37
  struct Case {
    backends::SimReach how;
    Cause cause;
  };
  for (const Case& wanted : {Case{backends::SimReach::kRefused, Cause::kConnectRefused},
                             Case{backends::SimReach::kUnreachable, Cause::kConnectUnreachable},
                             Case{backends::SimReach::kBlackHole, Cause::kConnectTimeout}}) {
    play([&wanted](Play& play) {
      play.config = simple_config(kListener, {kBad, kEndpoint});
      play.upstream().connect.timeout = milliseconds(500);
      reach(play, kBad, wanted.how);
      reach(play, kEndpoint, wanted.how);
      play.excuses.connects_fail = true;
      play.configure();
      SimPeer& client = play.client();
      client.send(keyed_stream(1, 100));
      expect_ended(play, 1, Actor::kUpstream, wanted.cause);
      EXPECT_TRUE(client.was_reset());
      EXPECT_FALSE(client.eof());
      // It recovers without a restart.
      reach(play, kEndpoint, backends::SimReach::kNormal);
      SimService& service = play.serve();
      play.client();
      play.client();
      EXPECT_TRUE(play.world.run_until([&] { return service.peers().size() == 2; }));
    });
  }
}

TEST_F(Upstreams, AnEndpointThatResetsRightAfterTheHandshakeResetsTheClient) {  // 39
  play([](Play& play) {
    reach(play, kEndpoint, backends::SimReach::kResets);
    play.excuses.connects_fail = true;
    play.configure();
    SimPeer& client = play.client();
    expect_ended(play, 1, Actor::kUpstream, Cause::kReset);
    EXPECT_TRUE(client.was_reset());
  });
}

TEST_F(Upstreams, AServerThatSpeaksFirstIsHeard) {
  play([](Play& play) {
    play.world.add_service(address(kEndpoint),
                           [](SimPeer& upstream) { upstream.send(keyed_stream(7, 50)); });
    play.configure();
    SimPeer& client = play.client();
    EXPECT_TRUE(play.world.run_until([&] { return client.received() == keyed_stream(7, 50); }));
  });
}

TEST_F(Upstreams, AClientThatLeavesWhileWeConnectLeavesNothingBehind) {
  for (const bool reset : {true, false}) {
    play([reset](Play& play) {
      reach(play, kEndpoint, backends::SimReach::kBlackHole);
      play.upstream().connect.timeout = seconds(1);
      play.excuses.connects_fail = true;
      play.configure();
      SimPeer& client = play.client();
      play.world.run_for(milliseconds(100));
      reset ? client.reset() : client.close();
      // A FIN alone is no reason to give up; a reset is.
      expect_ended(play, 1, reset ? Actor::kClient : Actor::kUpstream,
                   reset ? Cause::kReset : Cause::kConnectTimeout);
    });
  }
}

TEST_F(Upstreams, NoBalancerPicksAnEndpointOfWeightZeroAndEachUsesOnlyWhatItMay) {
  for (const auto balance :
       {config::Balance::kRoundRobin, config::Balance::kLeastSessions, config::Balance::kRandomTwo,
        config::Balance::kSourceHash, config::Balance::kMaglev, config::Balance::kFirst}) {
    Stage stage;
    stage.worlds = 5;
    play(stage, [balance](Play& play) {
      play.config = simple_config(kListener, {"10.0.1.1:1", "10.0.1.2:1", "10.0.1.3:1"});
      play.upstream().balance = balance;
      play.upstream().endpoints[1].weight = 0;
      std::vector<SimService*> services;
      for (const config::Endpoint& endpoint : play.upstream().endpoints) {
        services.push_back(&play.serve(base::to_string(endpoint.address)));
      }
      play.configure();
      for (int i = 0; i < 40; ++i) play.client();
      const auto reached = [&] {
        return services[0]->peers().size() + services[2]->peers().size() == 40;
      };
      EXPECT_TRUE(play.world.run_until(reached, seconds(20)));
      EXPECT_EQ(services[1]->peers().size(), 0U);
    });
  }
}

TEST_F(Upstreams, AnUpstreamOfWeightZeroAloneHasNoEndpoint) {
  play([](Play& play) {
    play.upstream().endpoints[0].weight = 0;
    play.serve();
    play.excuses.no_endpoint = true;
    play.configure();
    SimPeer& client = play.client();
    expect_ended(play, 1, Actor::kProxy, Cause::kNoEndpoint);
    EXPECT_TRUE(client.was_reset());
  });
}

TEST_F(Upstreams, RoundRobinFollowsTheWeightsOnOneWorker) {
  Stage stage;
  stage.workers = 1;
  play(stage, [](Play& play) {
    play.config = simple_config(kListener, {"10.0.1.1:1", "10.0.1.2:1"});
    play.upstream().balance = config::Balance::kRoundRobin;
    play.upstream().endpoints[0].weight = 300;
    SimService& heavy = play.serve("10.0.1.1:1");
    SimService& light = play.serve("10.0.1.2:1");
    play.configure();
    for (int i = 0; i < 40; ++i) play.client();
    EXPECT_TRUE(play.world.run_until(
        [&] { return heavy.peers().size() + light.peers().size() == 40; }, seconds(20)));
    EXPECT_EQ(heavy.peers().size(), 30U);
  });
}

TEST_F(Upstreams, OriginalDestinationsAreConnectedToAndLoopsRefused) {
  play([](Play& play) {
    play.upstream().endpoints.clear();
    play.upstream().original_dst = true;
    play.excuses.no_endpoint = true;
    SimService& service = play.serve("10.0.9.9:443");
    play.configure();
    backends::SimConnect redirected;
    redirected.remote = address(kListener);
    redirected.original_destination = address("10.0.9.9:443");
    SimPeer& client = play.world.add_client(redirected);
    EXPECT_TRUE(play.world.run_until([&] { return service.peers().size() == 1; }));
    play.world.run_for(milliseconds(20));
    client.shutdown_write();
    EXPECT_TRUE(play.world.run_until([&] { return service.peers()[0]->eof(); }));
    service.peers()[0]->shutdown_write();
    expect_ended(play, 1, Actor::kClient, Cause::kEof);
    SimPeer& direct = play.client();  // Not redirected: it came to the listener itself.
    EXPECT_TRUE(play.world.run_until([&] { return direct.was_reset(); }));
    EXPECT_EQ(play.world.ended(Actor::kProxy, Cause::kNoEndpoint), 1U);
  });
}

}  // namespace
}  // namespace simulation
