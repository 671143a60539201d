// How connections of the tests' own TCP end other than well, and what strangers' segments do.
#include <gtest/gtest.h>

#include "tests/backends/dpdk/mini_lab.h"
#include "tests/backends/dpdk/mini_tcp.h"

namespace dpdk_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The packets that the server sends now, without the wire.
std::vector<std::vector<std::byte>> answers(Lab& lab) {
  std::vector<std::vector<std::byte>> packets;
  std::vector<std::byte> packet;
  while (lab.server.next_packet(packet)) packets.push_back(packet);
  return packets;
}

TEST(MiniTcpReset, AConnectWhereNobodyListensIsRefused) {
  Lab lab;
  const auto id = lab.client.connect(lab.local, lab.remote);
  ASSERT_TRUE(lab.until([&] { return lab.client.was_reset(*id); }));
  EXPECT_FALSE(lab.client.connected(*id));
  EXPECT_LT(lab.now, milliseconds(10));
  lab.client.release(*id);
  lab.step();
  EXPECT_EQ(lab.client.connections(), 0U);
}

TEST(MiniTcpReset, AConnectIntoABlackHoleTimesOut) {
  MiniTcpOptions options;
  options.retries_max = 3;
  Lab lab(options, {.loss = 1000});
  const auto id = lab.client.connect(lab.local, lab.remote);
  ASSERT_TRUE(lab.until([&] { return lab.client.timed_out(*id); }));
  EXPECT_EQ(lab.client.stats().retransmits, 3U);
  EXPECT_EQ(lab.now, milliseconds(200 + 400 + 800 + 1600));
}

TEST(MiniTcpReset, ResetReachesTheFarEndWithTheBytesBeforeIt) {
  Lab lab;
  lab.connect();
  lab.client.send(lab.near, pattern(1000));
  ASSERT_TRUE(lab.until([&] { return lab.client.in_flight(lab.near) == 0; }));
  lab.client.reset(lab.near);
  ASSERT_TRUE(lab.until([&] { return lab.server.was_reset(lab.far); }));
  EXPECT_EQ(lab.server.received(lab.far).size(), 1000U);
  EXPECT_FALSE(lab.server.eof(lab.far));
  EXPECT_FALSE(lab.server.connected(lab.far));
}

TEST(MiniTcpReset, ALostSegmentBeforeTheResetMakesItAChallengeWhoseAnswerIsExact) {
  Lab lab;
  lab.connect();
  lab.wire.set_faults({.loss = 1000});
  lab.client.send(lab.near, pattern(1000));
  lab.run(milliseconds(5));
  lab.wire.set_faults({});
  lab.client.reset(lab.near);
  ASSERT_TRUE(lab.until([&] { return lab.server.was_reset(lab.far); }));
  EXPECT_EQ(lab.server.stats().challenge_acks, 1U);
}

TEST(MiniTcpReset, CloseWithUnreadBytesResets) {
  Lab lab;
  lab.connect();
  lab.server.read(lab.far, false);
  lab.client.send(lab.near, pattern(10));
  lab.run(milliseconds(10));
  lab.server.close(lab.far);
  ASSERT_TRUE(lab.until([&] { return lab.client.was_reset(lab.near); }));
}

TEST(MiniTcpReset, BytesThatArriveAfterCloseDrawAReset) {
  Lab lab;
  lab.connect();
  lab.server.close(lab.far);
  ASSERT_TRUE(lab.until([&] { return lab.client.eof(lab.near); }));
  EXPECT_FALSE(lab.client.was_reset(lab.near));
  lab.client.send(lab.near, pattern(10));
  ASSERT_TRUE(lab.until([&] { return lab.client.was_reset(lab.near); }));
}

TEST(MiniTcpReset, CloseSendsWhatTheSendBufferHoldsAndDropsTheRest) {
  Lab lab;
  lab.connect({.isn = {}, .buffer_bytes = 10'000});
  lab.client.send(lab.near, pattern(50'000));
  lab.step();
  lab.client.close(lab.near);
  ASSERT_TRUE(lab.until([&] { return lab.server.eof(lab.far); }));
  EXPECT_EQ(lab.server.received(lab.far).size(), 10'000U);
}

TEST(MiniTcpReset, OnlyAnExactResetIsTaken) {
  Lab lab;
  lab.connect();
  answers(lab);
  TcpSegment reset = lab.forged(kRst);
  reset.seq += 1;
  lab.give_server(reset);
  EXPECT_FALSE(lab.server.was_reset(lab.far));
  const auto challenge = answers(lab);
  ASSERT_EQ(challenge.size(), 1U);
  EXPECT_EQ(read_packet(challenge[0])->ack, lab.server.view(lab.far).rcv_nxt);
  reset.seq = lab.server.view(lab.far).rcv_edge + 1;
  lab.give_server(reset);
  EXPECT_FALSE(lab.server.was_reset(lab.far));
  EXPECT_TRUE(answers(lab).empty());
  reset.seq = lab.server.view(lab.far).rcv_nxt;
  lab.give_server(reset);
  EXPECT_TRUE(lab.server.was_reset(lab.far));
}

TEST(MiniTcpReset, ASynOntoAnOpenConnectionDrawsAChallengeAck) {
  Lab lab;
  lab.connect();
  answers(lab);
  TcpSegment syn = lab.forged(kSyn);
  syn.seq += 12345;
  lab.give_server(syn);
  const auto challenge = answers(lab);
  ASSERT_EQ(challenge.size(), 1U);
  EXPECT_EQ(read_packet(challenge[0])->flags, kAck);
  EXPECT_EQ(lab.server.view(lab.far).state, TcpState::kEstablished);
}

TEST(MiniTcpReset, AnUnacceptableAckInSynSentDrawsAResetWithItsNumber) {
  Lab lab;
  lab.server.connect(lab.remote, lab.local, {.isn = 1000});
  answers(lab);
  TcpSegment ack;
  ack.source = lab.local;
  ack.destination = lab.remote;
  ack.ack = 500;
  ack.flags = kAck;
  lab.give_server(ack);
  const auto resets = answers(lab);
  ASSERT_EQ(resets.size(), 1U);
  EXPECT_EQ(read_packet(resets[0])->flags, kRst);
  EXPECT_EQ(read_packet(resets[0])->seq, 500U);
}

TEST(MiniTcpReset, AnAckOfWhatWasNeverSentIsCountedAndAnswered) {
  Lab lab;
  lab.connect();
  answers(lab);
  TcpSegment ack = lab.forged(kAck);
  ack.ack += 1;
  lab.give_server(ack);
  EXPECT_EQ(lab.server.stats().bad_acks, 1U);
  EXPECT_EQ(answers(lab).size(), 1U);
}

TEST(MiniTcpReset, SackBlocksOfWhatWasNeverSentAreCounted) {
  Lab lab;
  lab.connect();
  TcpSegment ack = lab.forged(kAck);
  ack.sack_blocks = {{ack.ack + 1, ack.ack + 2}};
  lab.give_server(ack);
  EXPECT_EQ(lab.server.stats().bad_sacks, 1U);
}

TEST(MiniTcpReset, AStrangersSegmentDrawsAReset) {
  Lab lab;
  TcpSegment ack;
  ack.source = lab.local;
  ack.destination = lab.remote;
  ack.seq = 5;
  ack.ack = 77;
  ack.flags = kAck;
  lab.give_server(ack);
  ack.flags = kRst;
  lab.give_server(ack);
  const auto resets = answers(lab);
  ASSERT_EQ(resets.size(), 1U);
  EXPECT_EQ(read_packet(resets[0])->seq, 77U);
}

TEST(MiniTcpReset, AKeepaliveIsAnsweredAndChangesNothing) {
  Lab lab;
  lab.connect();
  lab.run(milliseconds(10));
  const std::uint64_t before = lab.client.stats().received;
  lab.client.keepalive(lab.near);
  lab.run(milliseconds(10));
  EXPECT_EQ(lab.client.stats().received, before + 1);
  EXPECT_EQ(lab.server.stats().out_of_window, 1U);
  EXPECT_TRUE(lab.client.connected(lab.near));
  EXPECT_TRUE(lab.server.connected(lab.far));
}

TEST(MiniTcpReset, APortCanBeUsedAgainFromTimeWait) {
  Lab lab;
  lab.connect();
  lab.server.close(lab.far);  // The server closes first: TIME_WAIT is there.
  ASSERT_TRUE(lab.until([&] { return lab.client.eof(lab.near); }));
  lab.client.release(lab.near);
  ASSERT_TRUE(lab.until([&] { return lab.server.view(lab.far).state == TcpState::kTimeWait; }));
  lab.run(milliseconds(10));
  const auto next = lab.server.view(lab.far).rcv_nxt;
  const auto id = lab.client.connect(lab.local, lab.remote, {.isn = next + 1000});
  ASSERT_TRUE(id.has_value());
  ASSERT_TRUE(lab.until([&] { return lab.server.accept(lab.remote).has_value(); }));
  EXPECT_TRUE(lab.client.connected(*id));
}

TEST(MiniTcpReset, AFullBacklogDropsTheSynAndItsRepetitionIsTaken) {
  MiniTcpOptions options;
  options.backlog = 1;
  Lab lab(options);
  lab.connect();
  for (std::uint16_t i = 1; i <= 2; ++i) {
    lab.local.port = static_cast<std::uint16_t>(41'000 + i);
    ASSERT_TRUE(lab.client.connect(lab.local, lab.remote).has_value());
    lab.run(milliseconds(20));
  }
  EXPECT_EQ(lab.server.stats().syns_dropped, 1U);
  EXPECT_TRUE(lab.server.accept(lab.remote).has_value());
  EXPECT_TRUE(lab.until([&] { return lab.server.accept(lab.remote).has_value(); }));
}

TEST(MiniTcpReset, UnlistenResetsThoseThatWait) {
  Lab lab;
  lab.server.listen(lab.remote);
  const auto id = lab.client.connect(lab.local, lab.remote);
  lab.run(milliseconds(10));
  EXPECT_TRUE(lab.client.connected(*id));
  lab.server.unlisten(lab.remote);
  EXPECT_TRUE(lab.until([&] { return lab.client.was_reset(*id); }));
  EXPECT_EQ(lab.server.connections(), 0U);
}

TEST(MiniTcpReset, SegmentsOfANeighbourWithSwappedPortsDoNotReachAConnection) {
  Lab lab;
  lab.connect();
  TcpSegment data = lab.forged(kAck | kPsh);
  const auto bytes = pattern(10);
  data.payload = bytes;
  data.source.port = static_cast<std::uint16_t>(data.source.port + 1);
  lab.give_server(data);
  lab.server.tick(lab.now);
  EXPECT_TRUE(lab.server.received(lab.far).empty());
}

TEST(MiniTcpReset, AnyBytesCanBeReceived) {
  Lab lab;
  lab.connect();
  base::Prng prng(3);
  for (int round = 0; round < 20'000; ++round) {
    TcpSegment segment = lab.forged(static_cast<std::uint8_t>(prng.next() & ~std::uint64_t{kRst}));
    segment.seq += static_cast<std::uint32_t>(prng.below(2000)) - 1000U;
    segment.ack += static_cast<std::uint32_t>(prng.below(20)) - 10U;
    segment.window = static_cast<std::uint16_t>(prng.next());
    const auto bytes = pattern(prng.below(300), prng.next());
    segment.payload = bytes;
    lab.give_server(segment);
    lab.now += milliseconds(1);
    lab.server.tick(lab.now);
    if (round % 1000 == 0) lab.server.send(lab.far, pattern(100));
    answers(lab);
  }
  EXPECT_GT(lab.server.stats().received, 20'000U);
  EXPECT_EQ(lab.server.stats().malformed, 0U);
  // Garbage in order was taken as data: nothing else could have been known.
  EXPECT_FALSE(lab.server.received(lab.far).empty());
}

}  // namespace
}  // namespace dpdk_test
