// Joined connections: what is translated, and when a pair has ended.
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

using SplicePairs = CoreTest;

TEST_P(SplicePairs, BytesGoBothWaysAcrossTheWrapOfAllNumbers) {
  opened("header");
  for (int i = 0; i < 100; ++i) {  // Both begin a few bytes before 2^32.
    client_says("a question of the client");
    server_says("an answer of the server");
  }
  EXPECT_LT(client.next, 0x1000000U);
  EXPECT_LT(server.next, 0x1000000U);
  EXPECT_EQ(core->stats().pairs, 1U);
  EXPECT_TRUE(events().empty());
}

TEST_P(SplicePairs, APacketGoesFromOurAddressToTheOtherEnd) {
  opened();
  const Sent up = only(from_client(kAck, "x"));
  EXPECT_EQ(up.tcp.source, server.far);
  EXPECT_EQ(up.tcp.destination, server.near);
  EXPECT_EQ(up.hop, kServerHop);
  const Sent down = only(from_server(kAck, "y"));
  EXPECT_EQ(down.tcp.source, vip);
  EXPECT_EQ(down.tcp.destination, client.near);
  EXPECT_EQ(down.hop, kClientHop);
}

TEST_P(SplicePairs, AnswersFollowAStationThatMoved) {
  opened();
  give(client.segment(kAck, "x"), 55);
  EXPECT_EQ(only(from_server(kAck, "y")).hop, 55);
}

TEST_P(SplicePairs, WindowsKeepTheirMeaningUnderAnyScales) {
  const std::vector<std::optional<std::uint8_t>> scales = {{}, 0, 7, 10, 14};
  for (const auto& near : scales) {
    for (const auto& far : scales) {
      restart({});
      joined({}, {.mss = 1400, .scale = near}, {.mss = 1460, .scale = far});
      for (const unsigned window : {0U, 1U, 127U, 128U, 1000U, 65535U}) {
        client.window = server.window = static_cast<std::uint16_t>(window);
        const auto meant = [&](const std::optional<std::uint8_t>& theirs,
                               const std::optional<std::uint8_t>& receivers) {
          const std::uint64_t bytes = std::uint64_t{window} << theirs.value_or(0);
          const std::uint64_t steps = bytes >> (receivers ? 7U : 0U);
          return std::min<std::uint64_t>(steps, 65535);
        };
        EXPECT_EQ(only(from_client(kAck)).tcp.window, meant(near, far));
        EXPECT_EQ(only(from_server(kAck)).tcp.window, meant(far, near));
      }
    }
  }
}

TEST_P(SplicePairs, SackBlocksAreMovedBothWays) {
  opened("header");
  client_says("some");
  server_says("thing");
  for (packet_id = 0; packet_id < 4;) {  // At even and at odd places.
    TcpSegment segment = client.segment(kAck);
    segment.sack_blocks = {{client.expected + 10, client.expected + 20},
                           {client.expected + 30, client.expected + 40}};
    const Sent up = only(give(segment, kClientHop));
    ASSERT_EQ(up.tcp.sack_blocks.size(), 2U);
    EXPECT_EQ(up.tcp.sack_blocks[0], (dpdk_test::SackBlock{server.next + 10, server.next + 20}));
    EXPECT_EQ(up.tcp.sack_blocks[1], (dpdk_test::SackBlock{server.next + 30, server.next + 40}));
    segment = server.segment(kAck);
    segment.sack_blocks = {{server.expected + 1, server.expected + 2}};
    const Sent down = only(give(segment, kServerHop));
    ASSERT_EQ(down.tcp.sack_blocks.size(), 1U);
    EXPECT_EQ(down.tcp.sack_blocks[0], (dpdk_test::SackBlock{client.next + 1, client.next + 2}));
  }
  EXPECT_EQ(core->stats().sack_shifted, 6U);
}

TEST_P(SplicePairs, SackBlocksAreBlankedForWhoDidNotOfferThem) {
  joined({}, {.sack = false});
  TcpSegment segment = server.segment(kAck);
  segment.sack_blocks = {{server.expected + 1, server.expected + 2}};
  EXPECT_TRUE(only(give(segment, kServerHop)).tcp.sack_blocks.empty());
  EXPECT_EQ(core->stats().sack_blanked, 1U);
}

TEST_P(SplicePairs, PaddingBehindThePacketDoesNotGoOn) {
  opened();
  auto bytes = dpdk_test::build_packet(client.segment(kAck), 0);
  const std::size_t size = bytes.size();
  bytes.resize(size + 6, std::byte{0xee});
  EXPECT_EQ(only(give_bytes(bytes, kClientHop)).bytes.size(), size);
}

TEST_P(SplicePairs, EcnIsTakenAwayAndTheHopLimitIsOurs) {
  opened();
  auto bytes = dpdk_test::build_packet(client.segment(kAck, "x"), 0);
  const std::size_t tcp = v4() ? 20 : 40;
  bytes[tcp + 13] |= std::byte{kEce | kCwr};
  bytes[1] |= v4() ? std::byte{3} : std::byte{0x30};
  bytes[v4() ? 8 : 7] = std::byte{9};
  dpdk_test::mend_checksums(bytes);
  const Sent passed = only(give_bytes(bytes, kClientHop));
  EXPECT_FALSE(passed.tcp.has(kEce | kCwr));
  EXPECT_EQ(passed.bytes[1] & (v4() ? std::byte{3} : std::byte{0x30}), std::byte{0});
  EXPECT_EQ(passed.bytes[v4() ? 8 : 7], std::byte{options.hop_limit});
}

TEST_P(SplicePairs, ADamagedSegmentStaysDamaged) {
  opened();
  auto bytes = dpdk_test::build_packet(client.segment(kAck, "payload"), 0);
  bytes.back() ^= std::byte{1};
  std::vector<std::byte> buffer = bytes;
  Packet packet{.data = buffer.data(),
                .size = static_cast<std::uint32_t>(buffer.size()),
                .room = static_cast<std::uint32_t>(buffer.size()),
                .hop = kClientHop};
  core->receive({&packet, 1});
  ASSERT_EQ(packet.verdict, Verdict::kSend);
  EXPECT_EQ(dpdk_test::read_packet(buffer).error(), dpdk_test::PacketFault::kBadTcpChecksum);
}

TEST_P(SplicePairs, APairEndsWhenBothFinsAreAcknowledgedWhoeverWasFirst) {
  for (const bool client_first : {true, false}) {
    restart({});
    const PairId pair = opened();
    client_says("bye");
    for (int round = 0; round < 2; ++round) {
      const bool near = (round == 0) == client_first;
      Station& one = near ? client : server;
      Station& two = near ? server : client;
      EXPECT_EQ(only(give(one.segment(kFin | kAck), one.hop)).tcp.flags, kFin | kAck);
      one.next += 1;
      EXPECT_TRUE(events().empty());
      two.expected += 1;
      only(give(two.segment(kAck), two.hop));
      if (round == 0) near ? server_says("half open") : client_says("half open");
    }
    const CoreEvent ended = event(CoreEventKind::kEnded);
    EXPECT_EQ(ended.end, PairEnd::kBothClosed);
    EXPECT_EQ(ended.pair, pair);
    EXPECT_TRUE(ended.facts.fin_acknowledged[0] && ended.facts.fin_acknowledged[1]);
    EXPECT_EQ(core->stats().lingering, 1U);
    // The last acknowledgement may be lost: the FIN that comes again still passes.
    only(give(client.segment(kAck), kClientHop));
    pass(7s);
    core->sweep(64);
    expect_empty();
  }
}

TEST_P(SplicePairs, ALostFinDoesNotCount) {
  opened();
  only(from_client(kFin | kAck));  // It did not arrive: this acknowledges the data before it.
  only(from_server(kFin | kAck));
  server.next += 1;
  client.next += 1;
  client.expected += 1;
  only(from_client(kAck));
  EXPECT_TRUE(events().empty());
  server.expected += 1;
  only(from_server(kAck));
  EXPECT_EQ(event(CoreEventKind::kEnded).end, PairEnd::kBothClosed);
}

// Numbers of a damaged segment far ahead must not hide the FIN for ever.
TEST_P(SplicePairs, DamagedNumbersDoNotKeepAPairOpen) {
  opened();
  TcpSegment ahead = client.segment(kAck, "x");
  ahead.seq += 30000;
  only(give(ahead, kClientHop));
  only(from_client(kFin | kAck));
  client.next += 1;
  server.expected += 1;
  only(from_server(kFin | kAck));
  server.next += 1;
  client.expected += 1;
  only(from_client(kAck));
  EXPECT_EQ(event(CoreEventKind::kEnded).end, PairEnd::kBothClosed);
}

TEST_P(SplicePairs, ADamagedFinOrItsDamagedAcknowledgementChangesNothing) {
  const PairId pair = opened();
  const std::size_t window = v4() ? 34 : 54;
  auto bytes = dpdk_test::build_packet(client.segment(kFin | kAck), 0);
  bytes[window] ^= std::byte{1};
  EXPECT_TRUE(give_bytes(bytes, kClientHop).empty());
  EXPECT_FALSE(core->facts(pair)->fin_seen[0]);
  only(from_client(kFin | kAck));
  EXPECT_TRUE(core->facts(pair)->fin_seen[0]);
  server.expected += 1;
  bytes = dpdk_test::build_packet(server.segment(kAck), 0);
  bytes[window] ^= std::byte{1};
  EXPECT_TRUE(give_bytes(bytes, kServerHop).empty());
  EXPECT_FALSE(core->facts(pair)->fin_acknowledged[0]);
  only(from_server(kAck));
  EXPECT_TRUE(core->facts(pair)->fin_acknowledged[0]);
}

TEST_P(SplicePairs, AnExactResetPassesAndEndsThePair) {
  for (const bool from_the_client : {true, false}) {
    restart({});
    opened();
    client_says("x");
    Station& one = from_the_client ? client : server;
    Station& two = from_the_client ? server : client;
    const Sent reset = only(give(one.segment(kRst), one.hop));
    EXPECT_EQ(reset.tcp.flags, kRst);
    EXPECT_EQ(reset.tcp.seq, two.expected);
    EXPECT_EQ(event(CoreEventKind::kEnded).end,
              from_the_client ? PairEnd::kClientReset : PairEnd::kUpstreamReset);
    expect_empty();
  }
}

TEST_P(SplicePairs, AResetBehindUnacknowledgedDataIsExactToo) {
  opened();
  only(from_client(kAck, "unacknowledged"));
  client.next += 14;
  only(from_client(kRst | kAck));
  EXPECT_EQ(event(CoreEventKind::kEnded).end, PairEnd::kClientReset);
}

TEST_P(SplicePairs, ABlindResetPassesAndChangesNothing) {
  const PairId pair = opened();
  client.next += 1000;
  const Sent reset = only(from_client(kRst));
  EXPECT_EQ(reset.tcp.seq, server.expected + 1000);
  EXPECT_TRUE(core->facts(pair).has_value());
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(dropped(DropReason::kBadSequence), 1U);
}

TEST_P(SplicePairs, ASynOnAnOpenPairDrawsAChallengeUnderALimit) {
  CoreOptions few = small();
  few.answers_per_second = 1;
  restart(few);
  const PairId pair = opened();
  client_says("x");
  const Sent challenge = only(give(with_offer(client.segment(kSyn), {})));
  EXPECT_EQ(challenge.tcp.flags, kAck);
  EXPECT_EQ(challenge.tcp.seq, client.expected);
  EXPECT_EQ(challenge.tcp.ack, client.next);
  EXPECT_EQ(challenge.tcp.destination, client.near);
  EXPECT_TRUE(give(with_offer(client.segment(kSyn), {})).empty());
  EXPECT_EQ(core->stats().answers_limited, 1U);
  EXPECT_TRUE(core->facts(pair).has_value());
}

TEST_P(SplicePairs, ARepeatedSynAckOfTheUpstreamIsAnswered) {
  joined("header");
  server.next -= 1;
  const Sent answer = only(give(with_offer(server.segment(kSyn | kAck), {}), kServerHop));
  EXPECT_EQ(answer.tcp.flags, kAck);
  EXPECT_EQ(answer.tcp.ack, server.next + 1);
}

TEST_P(SplicePairs, ASynOnALingeringPairIsANewSession) {
  opened();
  only(from_client(kFin | kAck));
  client.next += 1;
  server.expected += 1;
  only(from_server(kFin | kAck));
  server.next += 1;
  client.expected += 1;
  only(from_client(kAck));
  event(CoreEventKind::kEnded);
  auto bytes = dpdk_test::build_packet(with_offer(client.segment(kSyn), {}), 0);
  bytes.back() ^= std::byte{1};
  EXPECT_TRUE(give_bytes(bytes, kClientHop).empty());
  EXPECT_EQ(core->stats().lingering, 1U);
  client_leg();
  EXPECT_EQ(core->stats().replaced, 1U);
  EXPECT_EQ(core->stats().pairs, 0U);
}

TEST_P(SplicePairs, AResetOfALingeringPairFreesItWithoutAnotherEvent) {
  opened();
  only(from_client(kFin | kAck));
  client.next += 1;
  server.expected += 1;
  only(from_server(kFin | kAck));
  server.next += 1;
  client.expected += 1;
  only(from_client(kAck));
  event(CoreEventKind::kEnded);
  only(from_server(kRst));
  EXPECT_TRUE(events().empty());
  expect_empty();
}

TEST_P(SplicePairs, ASegmentWithoutAnAckIsDropped) {
  opened();
  EXPECT_TRUE(from_client(0, "x").empty());
  EXPECT_EQ(dropped(DropReason::kBadSequence), 1U);
}

TEST_P(SplicePairs, AdvanceIsToldOnceUntilItIsTaken) {
  CoreOptions counting = small();
  counting.report_advance = true;
  restart(counting);
  const PairId pair = opened();
  events();
  core->taken(pair);
  const auto before = core->facts(pair)->acknowledged;
  client_says("12345");
  server_says("123");
  EXPECT_EQ(event(CoreEventKind::kAdvanced).pair, pair);
  client_says("6");
  EXPECT_TRUE(events().empty());
  core->taken(pair);
  const auto after = core->facts(pair)->acknowledged;
  EXPECT_EQ(after[0] - before[0], 6U);
  EXPECT_EQ(after[1] - before[1], 3U);
  only(from_client(kAck));  // Nothing new.
  EXPECT_TRUE(events().empty());
  only(from_client(kFin | kAck));
  event(CoreEventKind::kAdvanced);
}

INSTANTIATE_TEST_SUITE_P(Families, SplicePairs, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
