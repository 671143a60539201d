// Joining: the first window, the PROXY header, what the client has said already.
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

using SpliceAttach = CoreTest;

constexpr std::string_view kHeader = "PROXY TCP4 198.51.100.1 192.0.2.80 40000 80\r\n";

TEST_P(SpliceAttach, TheUpstreamHearsTheClientsWindow) {
  client.window = 1000;  // Times 128, as ours to the upstream.
  joined();
  const Sent& update = only(std::move(opening));
  EXPECT_EQ(update.tcp.flags, kAck);
  EXPECT_EQ(update.hop, kServerHop);
  EXPECT_EQ(update.tcp.seq, server.expected);
  EXPECT_EQ(update.tcp.ack, server.next);
  EXPECT_EQ(update.tcp.window, 1000);
  EXPECT_EQ(core->stats().pairs, 1U);
  EXPECT_EQ(core->stats().legs, 0U);
  EXPECT_EQ(core->stats().parked, 0U);
  EXPECT_EQ(core->stats().table_entries, 2U);
}

TEST_P(SpliceAttach, TheWindowIsRepeatedTwiceUntilTheUpstreamIsHeard) {
  joined();
  std::vector<int> at;
  for (int tick = 1; tick <= 50; ++tick) {
    for (const Sent& again : pass(100ms)) {
      at.push_back(tick);
      EXPECT_EQ(again.bytes, opening.front().bytes);
    }
  }
  EXPECT_EQ(at, (std::vector{2, 10}));
  EXPECT_EQ(core->stats().attach_repeated, 2U);
}

TEST_P(SpliceAttach, OnceTheUpstreamIsHeardNothingIsRepeated) {
  joined();
  only(from_server(kAck));
  EXPECT_TRUE(pass(5s).empty());
}

TEST_P(SpliceAttach, TheHeaderGoesFirstAndTheClientsBytesFollowIt) {
  joined(kHeader);
  const Sent first = only(std::move(opening));
  EXPECT_EQ(first.payload, kHeader);
  EXPECT_EQ(first.tcp.flags, kAck | kPsh);
  EXPECT_EQ(first.tcp.seq, server.expected);
  EXPECT_EQ(core->stats().openings, 1U);
  const Sent data = only(from_client(kAck, "GET"));
  EXPECT_EQ(data.tcp.seq, server.expected + kHeader.size());
  EXPECT_EQ(data.tcp.ack, server.next);
}

TEST_P(SpliceAttach, AHeaderWithoutAnswerIsRepeatedAndThenThePairHasFailed) {
  const PairId pair = joined(kHeader);
  const Sent first = only(std::move(opening));
  std::vector<int> at;
  std::vector<Sent> resets;
  for (int tick = 1; tick <= 40; ++tick) {
    for (Sent& again : pass(200ms)) {
      if (again.tcp.has(kRst)) {
        resets.push_back(std::move(again));
        continue;
      }
      at.push_back(tick);
      EXPECT_EQ(again.bytes, first.bytes);
    }
  }
  EXPECT_EQ(at, (std::vector{1, 3, 7, 15}));  // After 200, 400, 800, 1600 ms.
  ASSERT_EQ(resets.size(), 2U);
  EXPECT_EQ(resets[0].tcp.destination, client.near);
  EXPECT_EQ(resets[0].tcp.seq, client.expected);
  EXPECT_EQ(resets[1].tcp.destination, server.near);
  const CoreEvent ended = event(CoreEventKind::kEnded);
  EXPECT_EQ(ended.end, PairEnd::kFailed);
  EXPECT_EQ(ended.pair, pair);
  EXPECT_EQ(core->stats().headers_failed, 1U);
  expect_empty();
}

TEST_P(SpliceAttach, AnAcknowledgementOfAPartOfTheHeaderIsNoneOfTheClients) {
  joined(kHeader);
  const std::uint32_t first = client.next;
  server.expected += 5;
  const Sent part = only(from_server(kAck));
  EXPECT_EQ(part.tcp.ack, first);
  EXPECT_EQ(pass(200ms).size(), 1U);  // Still repeated.
  server.expected += static_cast<std::uint32_t>(kHeader.size()) - 5;
  EXPECT_EQ(only(from_server(kAck)).tcp.ack, first);
  EXPECT_TRUE(pass(10s).empty());
  EXPECT_EQ(core->stats().openings, 0U);
}

// Bits that turned on the way must not end the repeating.
TEST_P(SpliceAttach, ADamagedAcknowledgementOfTheHeaderIsNone) {
  joined(kHeader);
  server.expected += static_cast<std::uint32_t>(kHeader.size());
  auto bytes = dpdk_test::build_packet(server.segment(kAck), 0);
  bytes[v4() ? 34 : 54] ^= std::byte{1};
  EXPECT_TRUE(give_bytes(bytes, kServerHop).empty());
  EXPECT_EQ(pass(200ms).size(), 1U);
}

TEST_P(SpliceAttach, WhatTheClientHasSaidFollowsInOrder) {
  const LegId near = client_leg();
  from_client(kAck, "first ");
  client.next += 6;
  from_client(kAck, "second");
  client.next += 6;
  from_client(kFin | kAck);
  events();
  const LegId far = server_leg();
  ASSERT_TRUE(core->attach(near, far, bytes_in(kHeader), 0).has_value());
  const auto all = sent();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].payload, kHeader);
  EXPECT_EQ(all[1].payload, "first ");
  EXPECT_EQ(all[2].payload, "second");
  EXPECT_EQ(all[3].tcp.flags, kFin | kAck);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(all[i].tcp.seq, all[i - 1].tcp.end());
    EXPECT_EQ(all[i].hop, kServerHop);
  }
  EXPECT_EQ(core->early_bytes(), 0U);
}

TEST_P(SpliceAttach, SkippedBytesNeverReachTheUpstream) {
  const LegId near = client_leg();
  from_client(kAck, "skip");
  client.next += 4;
  from_client(kAck, "ped!rest");
  const LegId far = server_leg();
  ASSERT_TRUE(core->attach(near, far, bytes_in(kHeader), 8).has_value());
  const auto all = sent();
  ASSERT_EQ(all.size(), 3U);
  // Nobody else acknowledges what is skipped.
  EXPECT_EQ(all[1].hop, kClientHop);
  EXPECT_EQ(all[1].tcp.flags, kAck);
  EXPECT_EQ(all[1].tcp.ack, client.next);
  EXPECT_EQ(all[2].payload, "rest");
  EXPECT_EQ(all[2].tcp.seq, server.expected + kHeader.size());
  // What the upstream has acknowledged of ours is the client's up to there.
  server.expected += static_cast<std::uint32_t>(kHeader.size()) + 4;
  EXPECT_EQ(only(from_server(kAck)).tcp.ack, client.next + 8);
}

TEST_P(SpliceAttach, SkippedBytesThatComeAgainAreCutOff) {
  const LegId near = client_leg();
  const LegId far = server_leg();
  ASSERT_TRUE(core->attach(near, far, bytes_in(kHeader), 4).has_value());
  sent();
  EXPECT_EQ(only(from_client(kAck, "ski")).tcp.ack, client.next + 3);
  const Sent rest = only(from_client(kAck, "skiprest"));
  EXPECT_EQ(rest.payload, "rest");
  EXPECT_EQ(rest.tcp.seq, server.expected + kHeader.size());
  auto bytes = dpdk_test::build_packet(client.segment(kAck, "skiprest"), 0);
  bytes.back() ^= std::byte{1};  // It must not become a right one.
  EXPECT_TRUE(give_bytes(bytes, kClientHop).empty());
  EXPECT_EQ(dropped(DropReason::kBadChecksum), 1U);
}

TEST_P(SpliceAttach, SkippingWithoutAHeaderPutsTheRestFirst) {
  const LegId near = client_leg();
  from_client(kAck, "skiprest");
  const LegId far = server_leg();
  ASSERT_TRUE(core->attach(near, far, {}, 4).has_value());
  const auto all = sent();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].payload, "rest");
  EXPECT_EQ(all[1].tcp.seq, server.expected);
  server.expected += 4;
  EXPECT_EQ(only(from_server(kAck)).tcp.ack, client.next + 8);
}

TEST_P(SpliceAttach, AClientThatIsGoneResetsTheUpstream) {
  const LegId near = client_leg();
  const LegId far = server_leg();
  from_client(kRst);
  const auto none = core->attach(near, far, {}, 0);
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error(), base::to_errno(ECONNRESET));
  const Sent reset = only(sent());
  EXPECT_EQ(reset.tcp.destination, server.near);
  EXPECT_TRUE(reset.tcp.has(kRst));
  expect_empty();
}

TEST_P(SpliceAttach, AnUpstreamThatIsGoneResetsTheClient) {
  const LegId near = client_leg();
  const LegId far = server_leg();
  from_server(kRst);
  const auto none = core->attach(near, far, {}, 0);
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error(), base::to_errno(EPIPE));
  const Sent reset = only(sent());
  EXPECT_EQ(reset.tcp.destination, client.near);
  EXPECT_EQ(reset.tcp.seq, client.expected);
  expect_empty();
}

TEST_P(SpliceAttach, WithoutAPairOrRoomForAHeaderBothAreReset) {
  for (const bool no_pair : {true, false}) {
    CoreOptions few = small();
    if (no_pair) few.pairs_max = 1;
    if (!no_pair) few.openings_max = 1;
    restart(few);
    joined(kHeader);
    client.near.port = 40001;
    client.next = 5;
    server.near = remote = of("203.0.113.8:8080", "[2001:db8:7::8]:8080");
    const LegId near = client_leg();
    const LegId far = server_leg();
    const auto none = core->attach(near, far, bytes_in(kHeader), 0);
    ASSERT_FALSE(none.has_value());
    EXPECT_EQ(none.error(), base::to_errno(ENOMEM));
    const auto resets = sent();
    ASSERT_EQ(resets.size(), 2U);
    EXPECT_TRUE(resets[0].tcp.has(kRst) && resets[1].tcp.has(kRst));
    EXPECT_EQ(core->stats().pairs, 1U);
    EXPECT_EQ(core->stats().openings, 1U);
    EXPECT_EQ(core->stats().legs, 0U);
  }
}

TEST_P(SpliceAttach, AnAbortResetsBothWithTheNumbersTheyExpect) {
  const PairId pair = opened();
  client_says("question");
  server_says("answer");
  core->abort(pair);
  const auto resets = sent();
  ASSERT_EQ(resets.size(), 2U);
  EXPECT_EQ(resets[0].tcp.seq, client.expected);
  EXPECT_EQ(resets[0].tcp.ack, client.next);
  EXPECT_EQ(resets[0].hop, kClientHop);
  EXPECT_EQ(resets[1].tcp.seq, server.expected);
  EXPECT_EQ(resets[1].tcp.ack, server.next);
  EXPECT_EQ(resets[1].hop, kServerHop);
  EXPECT_TRUE(events().empty());
  EXPECT_FALSE(core->facts(pair).has_value());
  core->abort(pair);
  EXPECT_TRUE(sent().empty());
  expect_empty();
}

TEST_P(SpliceAttach, ASmallClientBesideALargerUpstreamIsCounted) {
  joined({}, {.mss = 536});
  EXPECT_EQ(core->stats().mss_too_large, 1U);
}

TEST_P(SpliceAttach, TheEndOfTheProcessResetsEverybody) {
  joined();
  client.near.port = 40001;
  client_leg();
  client.near.port = 40002;
  core->close(client_leg(), false);
  sent();
  start_connect();
  sent();
  core->reset_everything();
  std::size_t resets = 0;
  for (const Sent& each : sent()) resets += each.tcp.has(kRst) ? 1U : 0U;
  EXPECT_EQ(resets, 3U);
  expect_empty();
}

INSTANTIATE_TEST_SUITE_P(Families, SpliceAttach, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
