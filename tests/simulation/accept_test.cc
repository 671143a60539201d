// Accepting, its limits, and back-pressure: failure_cases C2 and C4.
#include "backends/sim/sim_relay.h"
#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using proxy::Actor;
using proxy::Cause;

class Accept : public Scenario {};

TEST_F(Accept, ExhaustedDescriptorsPauseAcceptingAndItResumesByItself) {  // 58, 59
  for (const int error : {EMFILE, ENFILE, ENOMEM, ENOBUFS}) {
    Stage stage;
    stage.worlds = 10;
    play(stage, [error](Play& play) {
      SimService& service = play.serve();
      play.configure();
      play.excuses.exhausted = true;
      play.world.network().set_exhausted(base::to_errno(error));
      for (int i = 0; i < 20; ++i) play.client();
      play.world.run_for(seconds(5));
      EXPECT_EQ(play.world.accepted(), 0U);
      EXPECT_EQ(service.peers().size(), 0U);
      play.world.network().set_exhausted(base::Errno::kNone);
      EXPECT_TRUE(play.world.run_until([&] { return service.peers().size() == 20; }, seconds(5)));
      EXPECT_EQ(play.world.accepted(), 20U);
      EXPECT_EQ(play.world.rejected(), 0U);
    });
  }
}

TEST_F(Accept, ExhaustionWhileConnectingIsOurOwnFaultAndNotTheUpstreams) {
  play([](Play& play) {
    play.serve();
    play.configure();
    play.excuses.exhausted = true;
    SimPeer& client = play.client();
    // The client is accepted, and the descriptors are gone in the same moment.
    EXPECT_TRUE(play.world.run_until([&] {
      if (play.world.network().next_event() && play.world.accepted() == 0) return false;
      return true;
    }));
    play.world.network().set_exhausted(base::to_errno(EMFILE));
    SimPeer& second = play.client();
    play.world.run_for(seconds(1));
    play.world.network().set_exhausted(base::Errno::kNone);
    EXPECT_TRUE(play.world.run_until([&] { return play.world.accepted() == 2; }, seconds(5)));
    client.close();
    second.close();
    play.world.run_for(seconds(1));
  });
}

TEST_F(Accept, ATransportsCapacityKeepsTheRestWaitingInTheQueue) {
  Stage stage;
  stage.workers = 1;
  stage.limits.connections_max = 20;
  stage.limits.clients_max = 10;
  play(stage, [](Play& play) {
    SimService& service = play.serve();
    play.configure();
    for (int i = 0; i < 25; ++i) play.client();
    play.world.run_for(seconds(1));
    EXPECT_EQ(play.world.accepted(), 10U);
    EXPECT_EQ(service.peers().size(), 10U);
    // Whoever leaves makes room.
    for (std::size_t served = 0; served < 25; ++served) {
      ASSERT_TRUE(
          play.world.run_until([&] { return service.peers().size() > served; }, seconds(5)));
      play.world.run_for(milliseconds(20));
      service.peers()[served]->reset();
    }
    expect_ended(play, 25, Actor::kUpstream, Cause::kReset);
  });
}

TEST_F(Accept, MaxSessionsHoldsOverAllWorkersAndTheRestIsReset) {  // 61
  play([](Play& play) {
    play.listener().max_sessions = 5;
    SimService& service = play.serve();
    play.configure();
    for (int i = 0; i < 40; ++i) play.client();
    play.world.run_for(seconds(1));
    // Two workers that race for the last place may both give way.
    EXPECT_LE(service.peers().size(), 5U);
    EXPECT_GE(service.peers().size(), play.world.workers() == 1 ? 5U : 1U);
    EXPECT_EQ(play.world.accepted(), 40U);
    EXPECT_EQ(play.world.rejected() + play.world.sessions(), 40U);
    for (const auto& upstream : service.peers()) upstream->reset();
    EXPECT_TRUE(play.world.run_until([&] { return play.world.sessions() == 0; }));
    const std::size_t before = service.peers().size();
    play.client();
    EXPECT_TRUE(play.world.run_until([&] { return service.peers().size() > before; }));
  });
}

TEST_F(Accept, AFullSessionTableTurnsClientsAway) {
  Stage stage;
  stage.workers = 1;
  stage.sessions_max = 8;
  play(stage, [](Play& play) {
    play.serve();
    play.configure();
    for (int i = 0; i < 20; ++i) play.client();
    play.world.run_for(seconds(1));
    EXPECT_EQ(play.world.sessions(), 8U);
    EXPECT_EQ(play.world.rejected(), 12U);
  });
}

TEST_F(Accept, AReaderThatStopsStopsTheWriterAndMemoryStaysBounded) {  // 18, 19
  for (const bool to_client : {true, false}) {
    Stage stage;
    stage.worlds = 8;
    stage.buffer_bytes = 8192;
    play(stage, [to_client](Play& play) {
      auto [client, upstream] = join(play, 8192);
      SimPeer& writer = to_client ? upstream : client;
      SimPeer& reader = to_client ? client : upstream;
      reader.stop_reading();
      const auto sent = keyed_stream(1, 300'000);
      writer.send(sent);
      play.world.run_for(seconds(10));
      std::uint64_t held = 0;
      for (std::size_t i = 0; i < play.world.workers(); ++i) {
        held += play.world.transport(i).stats().held_bytes;
      }
      EXPECT_LE(held, backends::SimRelay::kHeldMax);
      EXPECT_LE(writer.sent(), std::size_t{4} * 8192 + backends::SimRelay::kHeldMax);
      reader.read();
      EXPECT_TRUE(play.world.run_until([&] { return reader.received() == sent; }));
    });
  }
}

TEST_F(Accept, AWindowOfOneByteMakesProgressWithoutSpinning) {  // 20, 21
  Stage stage;
  stage.worlds = 5;
  stage.exact_latency = true;
  play(stage, [](Play& play) {
    SimService& service = play.serve(kEndpoint, 1);
    play.configure();
    SimPeer& client = play.client(1);
    client.send(keyed_stream(1, 2000));
    client.shutdown_write();
    EXPECT_TRUE(play.world.run_until(
        [&] { return !service.peers().empty() && service.peers()[0]->eof(); }, minutes(1)));
    EXPECT_EQ(service.peers()[0]->received(), keyed_stream(1, 2000));
    std::uint64_t polls = 0;
    for (std::size_t i = 0; i < play.world.workers(); ++i) {
      polls += play.world.transport(i).stats().polls;
    }
    EXPECT_LT(polls, 2000U * 20);
  });
}

TEST_F(Accept, DualStackAndSeveralAddressesServeTheSameUpstream) {
  play([](Play& play) {
    play.listener().bind.clear();
    for (const char* bind : {"[::]:90", "0.0.0.0:91", "unix:@l0"}) {
      play.listener().bind.push_back({.address = address(bind), .v6_only = false, .mark = {}});
    }
    play.world.add_service(address(kEndpoint), [](SimPeer& upstream) { upstream.echo(); });
    play.configure();
    for (const char* where : {"[::1]:90", "10.0.0.1:90", "10.0.0.1:91", "unix:@l0"}) {
      SimPeer& client = play.world.add_client(address(where));
      client.send(keyed_stream(client.number(), 5000));
      client.shutdown_write();
    }
    expect_ended(play, 4, Actor::kClient, Cause::kEof);
    for (const auto& client : play.world.clients()) {
      EXPECT_EQ(client->received(), keyed_stream(client->number(), 5000));
    }
  });
}

}  // namespace
}  // namespace simulation
