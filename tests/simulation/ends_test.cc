// How sessions end: failure_cases C1, by its numbers.
#include "tests/simulation/scenario.h"

namespace simulation {
namespace {

using proxy::Actor;
using proxy::Cause;

class Ends : public Scenario {
 protected:
  static void until(Play& play, const std::function<bool()>& done) {
    EXPECT_TRUE(play.world.run_until(done, minutes(1)));
  }
};

TEST_F(Ends, AClientsResetInMidTransferReachesTheUpstreamAsAReset) {  // 1
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    upstream.send(keyed_stream(2, 300'000));
    client.send(keyed_stream(1, 300'000));
    play.world.run_for(milliseconds(1));
    client.reset();
    expect_ended(play, 1, Actor::kClient, Cause::kReset);
    EXPECT_TRUE(upstream.was_reset());
    EXPECT_FALSE(upstream.eof());
  });
}

TEST_F(Ends, AnUpstreamsResetReachesTheClientAfterTheBytesBeforeIt) {  // 2
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    upstream.send(keyed_stream(2, 50'000));
    until(play, [&] { return upstream.in_flight() == 0; });
    upstream.reset();
    expect_ended(play, 1, Actor::kUpstream, Cause::kReset);
    EXPECT_EQ(client.received(), keyed_stream(2, 50'000));
    EXPECT_TRUE(client.was_reset());
    EXPECT_FALSE(client.eof());
  });
}

TEST_F(Ends, ASlowClientGetsEveryByteBeforeTheUpstreamsReset) {  // 3
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    client.stop_reading();
    upstream.send(keyed_stream(2, 500'000));
    play.world.run_for(seconds(1));
    const std::size_t left_it = upstream.sent();
    upstream.reset();
    play.world.run_for(seconds(1));
    EXPECT_EQ(play.world.sessions(), 1U);  // The reset waits for the bytes before it.
    client.read();
    expect_ended(play, 1, Actor::kUpstream, Cause::kReset);
    EXPECT_LE(client.received().size(), left_it);
    EXPECT_GT(client.received().size(), 0U);
    EXPECT_TRUE(client.was_reset());
    EXPECT_FALSE(client.eof());
  });
}

TEST_F(Ends, AnUpstreamThatClosesWithUnreadBytesLosesNoneOfItsReply) {  // 4
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    upstream.stop_reading();
    client.send(keyed_stream(1, 500));
    upstream.send(keyed_stream(2, 20'000));
    until(play, [&] { return upstream.in_flight() == 0 && client.in_flight() == 0; });
    play.world.run_for(milliseconds(50));
    upstream.close();
    expect_ended(play, 1, Actor::kUpstream, Cause::kReset);
    EXPECT_EQ(client.received(), keyed_stream(2, 20'000));
    EXPECT_TRUE(client.was_reset());
    EXPECT_FALSE(client.eof());
  });
}

TEST_F(Ends, AHalfClosedClientGetsItsLongReply) {  // 5
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    client.send(keyed_stream(1, 100));
    client.shutdown_write();
    until(play, [&] { return upstream.eof(); });
    EXPECT_EQ(upstream.received(), keyed_stream(1, 100));
    upstream.send(keyed_stream(2, 200'000));
    upstream.shutdown_write();
    expect_ended(play, 1, Actor::kClient, Cause::kEof);
    until(play, [&] { return client.eof(); });
    EXPECT_EQ(client.received(), keyed_stream(2, 200'000));
  });
}

TEST_F(Ends, AHalfClosedUpstreamGetsAllThatTheClientStillSends) {  // 6
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    upstream.shutdown_write();
    until(play, [&] { return client.eof(); });
    client.send(keyed_stream(1, 100'000));
    client.shutdown_write();
    expect_ended(play, 1, Actor::kUpstream, Cause::kEof);
    until(play, [&] { return upstream.eof(); });
    EXPECT_EQ(upstream.received(), keyed_stream(1, 100'000));
    EXPECT_FALSE(upstream.was_reset());
  });
}

TEST_F(Ends, BothMayCloseAtTheSameInstant) {  // 7, 15
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    client.send(keyed_stream(1, 3000));
    upstream.send(keyed_stream(2, 3000));
    client.shutdown_write();
    upstream.shutdown_write();
    until(play, [&] { return play.world.ended() == 1 && client.eof() && upstream.eof(); });
    EXPECT_EQ(play.world.ended(Actor::kClient, Cause::kEof) +
                  play.world.ended(Actor::kUpstream, Cause::kEof),
              1U);
    EXPECT_EQ(upstream.received(), keyed_stream(1, 3000));
    EXPECT_EQ(client.received(), keyed_stream(2, 3000));
  });
}

TEST_F(Ends, SilenceAfterAHalfCloseEndsWithItsTimeout) {  // 8
  for (const bool by_client : {true, false}) {
    play([by_client](Play& play) {
      play.listener().timeouts.half_close = seconds(3);
      const Joined joined = join(play);
      SimPeer& client = joined.client;
      SimPeer& upstream = joined.upstream;
      (by_client ? client : upstream).shutdown_write();
      expect_ended(play, 1, Actor::kProxy, Cause::kHalfCloseTimeout);
      EXPECT_TRUE(client.was_reset());
      EXPECT_TRUE(upstream.was_reset());
    });
  }
}

TEST_F(Ends, AFinTogetherWithTheLastBytesComesAfterThem) {  // 9
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    client.send(keyed_stream(1, 10));
    client.shutdown_write();
    upstream.send(keyed_stream(2, 1));
    upstream.shutdown_write();
    until(play, [&] { return client.eof() && upstream.eof(); });
    EXPECT_EQ(upstream.received(), keyed_stream(1, 10));
    EXPECT_EQ(client.received(), keyed_stream(2, 1));
  });
}

TEST_F(Ends, AFinBehindAFullBufferWaitsUntilTheReaderHasItAll) {  // 10
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    upstream.stop_reading();
    client.send(keyed_stream(1, 400'000));
    client.shutdown_write();
    play.world.run_for(seconds(1));
    EXPECT_FALSE(upstream.eof());
    upstream.read(1000);
    // A reader that takes 1,000 bytes at each arrival needs nudges once nothing arrives any more.
    until(play, [&] {
      upstream.pump();
      return upstream.eof();
    });
    EXPECT_EQ(upstream.received(), keyed_stream(1, 400'000));
  });
}

TEST_F(Ends, ManyClientsThatResetAtOnceAreCountedAndForgotten) {  // 11, 12
  play([](Play& play) {
    play.serve();
    play.configure();
    for (int i = 0; i < 50; ++i) {
      SimPeer& client = play.client();
      client.send(keyed_stream(1, 100));
      const Nanos life = microseconds(play.world.prng().below(3000));
      play.world.network().at(play.world.now() + life, [&client] { client.reset(); });
    }
    play.world.run_for(seconds(1));
    EXPECT_EQ(play.world.sessions(), 0U);
    EXPECT_EQ(play.world.ended(), play.world.ended(Actor::kClient, Cause::kReset));
  });
}

TEST_F(Ends, AScanOfConnectionsWithoutAByteEndsCleanly) {  // 13
  play([](Play& play) {
    play.world.add_service(address(kEndpoint), [](SimPeer& upstream) { upstream.echo(); });
    play.configure();
    for (int i = 0; i < 30; ++i) play.client().shutdown_write();
    expect_ended(play, 30, Actor::kClient, Cause::kEof);
    for (const auto& client : play.world.clients()) EXPECT_TRUE(client->eof());
  });
}

TEST_F(Ends, AClientWithoutPowerIsNoticedByKeepalive) {  // 14
  play([](Play& play) {
    play.listener().tcp.keepalive = {.idle = seconds(60), .interval = seconds(10), .probes = 3};
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    play.excuses.cut.insert(client.number());
    play.world.network().cut(client.socket());
    const Nanos began = play.world.now();
    expect_ended(play, 1, Actor::kClient, Cause::kReset);
    EXPECT_GE(play.world.now() - began, seconds(90));
    EXPECT_LT(play.world.now() - began, seconds(91));
    EXPECT_TRUE(upstream.was_reset());
  });
}

TEST_F(Ends, ADrainDeadlineResetsASessionWithUnsentBytes) {  // 16
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    client.stop_reading();
    upstream.send(keyed_stream(2, 500'000));
    play.world.run_for(milliseconds(100));
    play.excuses.drained = true;
    const Nanos began = play.world.now();
    play.world.drain(seconds(5));
    expect_ended(play, 1, Actor::kAdmin, Cause::kDrain);
    EXPECT_GE(play.world.now() - began, seconds(5));
    EXPECT_LT(play.world.now() - began, seconds(5) + milliseconds(50));
    EXPECT_TRUE(play.world.finished());
    EXPECT_TRUE(upstream.was_reset());
    EXPECT_FALSE(client.eof());
  });
}

TEST_F(Ends, BytesForAnUpstreamThatHasClosedEndInAReset) {  // 17
  play([](Play& play) {
    const Joined joined = join(play);
    SimPeer& client = joined.client;
    SimPeer& upstream = joined.upstream;
    upstream.close();
    until(play, [&] { return client.eof(); });
    client.send(keyed_stream(1, 1000));
    expect_ended(play, 1, Actor::kUpstream, Cause::kReset);
    EXPECT_TRUE(client.was_reset());
  });
}

TEST_F(Ends, UnixSocketsOnBothSidesCarryBytesAndFins) {
  play([](Play& play) {
    play.config = simple_config("unix:/run/l0.sock", {"unix:/run/u0.sock"});
    SimService& service = play.serve("unix:/run/u0.sock");
    play.configure();
    SimPeer& client = play.world.add_client(address("unix:/run/l0.sock"));
    client.send(keyed_stream(1, 100'000));
    client.shutdown_write();
    until(play, [&] { return !service.peers().empty() && service.peers()[0]->eof(); });
    EXPECT_EQ(service.peers()[0]->received(), keyed_stream(1, 100'000));
    service.peers()[0]->shutdown_write();
    expect_ended(play, 1, Actor::kClient, Cause::kEof);
  });
}

}  // namespace
}  // namespace simulation
