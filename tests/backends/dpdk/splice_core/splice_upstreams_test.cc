// Upstreams: connecting, and waiting with a small window.
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

using SpliceUpstreams = CoreTest;

TEST_P(SpliceUpstreams, AConnectIsASynAndItsAnswerAnUpstream) {
  const LegId leg = start_connect();
  const Sent syn = only(sent());
  hear(syn);
  EXPECT_EQ(syn.hop, kServerHop);
  EXPECT_EQ(syn.tcp.destination, remote);
  EXPECT_EQ(syn.tcp.mss, v4() ? options.mss4 : options.mss6);
  EXPECT_EQ(syn.tcp.window_scale, kOurWindowScale);
  EXPECT_TRUE(syn.tcp.sack_permitted);
  EXPECT_EQ(core->fate(leg), LegFate::kConnecting);
  pass(30ms);
  answer_syn(leg);
  EXPECT_EQ(core->fate(leg), LegFate::kOpen);
  EXPECT_EQ(core->round_trip(leg), 30ms);
  EXPECT_EQ(core->mss(leg), 1460);
  EXPECT_EQ(core->peer(leg), remote);
  EXPECT_EQ(core->local(leg), server.far);
  EXPECT_EQ(core->stats().parked, 1U);
}

TEST_P(SpliceUpstreams, TheMssOfTheWishIsAnnounced) {
  ASSERT_TRUE(core->connect(
      {.remote = remote, .sources = std::span(&source, 1), .mss = 1000, .hop = kServerHop}));
  EXPECT_EQ(only(sent()).tcp.mss, 1000);
}

TEST_P(SpliceUpstreams, NoSynLeavesBeforeItsHopIsKnown) {
  const LegId leg = start_connect(kNoHop);
  EXPECT_TRUE(sent().empty());
  EXPECT_TRUE(pass(1s).empty());
  core->reach(leg, 12);
  const Sent syn = only(sent());
  EXPECT_EQ(syn.hop, 12);
  core->reach(leg, 12);
  EXPECT_TRUE(sent().empty());
}

TEST_P(SpliceUpstreams, WithoutAHopTheHostIsUnreachable) {
  start_connect(kNoHop);
  for (int second = 0; second < 31; ++second) EXPECT_TRUE(pass(1s).empty());
  EXPECT_EQ(event(CoreEventKind::kConnected).error, base::to_errno(EHOSTUNREACH));
}

TEST_P(SpliceUpstreams, TheSynIsRepeatedWithDoublingPausesAndThenGivenUp) {
  const LegId leg = start_connect();
  const Sent first = only(sent());
  std::vector<int> at;
  for (int second = 1; second <= 31; ++second) {
    for (const Sent& again : pass(1s)) {
      at.push_back(second);
      EXPECT_EQ(again.bytes, first.bytes);
    }
  }
  EXPECT_EQ(at, (std::vector{1, 3, 7, 15}));
  const CoreEvent failed = event(CoreEventKind::kConnected);
  EXPECT_EQ(failed.error, base::to_errno(ETIMEDOUT));
  EXPECT_EQ(failed.token, 9U);
  EXPECT_EQ(core->fate(leg), LegFate::kGone);
  core->close(leg, false);
  expect_empty();
}

TEST_P(SpliceUpstreams, ARefusalIsToldOnce) {
  const LegId leg = start_connect();
  hear(only(sent()));
  server.expected += 1;
  EXPECT_TRUE(from_server(kRst | kAck).empty());  // Not of our SYN.
  EXPECT_TRUE(events().empty());
  server.expected -= 1;
  EXPECT_TRUE(from_server(kRst).empty());
  EXPECT_TRUE(events().empty());
  EXPECT_TRUE(from_server(kRst | kAck).empty());
  EXPECT_EQ(event(CoreEventKind::kConnected).error, base::to_errno(ECONNREFUSED));
  from_server(kRst | kAck);
  EXPECT_TRUE(events().empty());
  core->close(leg, false);
  EXPECT_TRUE(sent().empty());
  expect_empty();
}

TEST_P(SpliceUpstreams, AStaleSocketOfTheServerIsResetAndAskedAgain) {
  const LegId leg = start_connect();
  const Sent syn = only(sent());
  hear(syn);
  Station stale = server;
  stale.next = 777;
  stale.expected = 888;
  for (int i = 0; i < 3; ++i) {
    const auto answer = give(stale.segment(kAck), kServerHop);
    ASSERT_EQ(answer.size(), 2U);
    EXPECT_EQ(answer[0].tcp.flags, kRst);
    EXPECT_EQ(answer[0].tcp.seq, 888U);
    EXPECT_EQ(answer[1].bytes, syn.bytes);
  }
  EXPECT_TRUE(give(stale.segment(kAck), kServerHop).empty());  // It does not go on for ever.
  answer_syn(leg);
  EXPECT_EQ(core->stats().stale_answers, 3U);
}

TEST_P(SpliceUpstreams, DamagedOrStrangeAnswersAreNone) {
  start_connect();
  hear(only(sent()));
  auto bytes = dpdk_test::build_packet(with_offer(server.segment(kSyn | kAck), {}), 0);
  bytes.back() ^= std::byte{1};
  EXPECT_TRUE(give_bytes(bytes, kServerHop).empty());
  EXPECT_TRUE(give(server.segment(kSyn), kServerHop).empty());
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(dropped(DropReason::kBadChecksum), 1U);
  EXPECT_EQ(dropped(DropReason::kBadSequence), 1U);
}

TEST_P(SpliceUpstreams, AGreetingIsKeptUnacknowledgedUntilAClientComes) {
  const LegId far = server_leg();
  EXPECT_TRUE(from_server(kAck | kPsh, "220 hello\r\n").empty());
  EXPECT_TRUE(from_server(kAck | kPsh, "220 hello\r\n").empty());  // It is sent again.
  EXPECT_GT(core->early_bytes(), 0U);
  const LegId near = client_leg();
  ASSERT_TRUE(core->attach(near, far, {}, 0).has_value());
  const auto all = sent();
  ASSERT_EQ(all.size(), 2U);  // The window first.
  EXPECT_EQ(all[1].hop, kClientHop);
  EXPECT_EQ(all[1].payload, "220 hello\r\n");
  EXPECT_EQ(core->early_bytes(), 0U);
}

TEST_P(SpliceUpstreams, MoreThanAGreetingIsLeftAtTheServer) {
  server_leg();
  EXPECT_TRUE(from_server(kAck, std::string(kParkedWindow + 1, 'x')).empty());
  EXPECT_EQ(dropped(DropReason::kParkedData), 1U);
  EXPECT_EQ(core->early_bytes(), 0U);
}

TEST_P(SpliceUpstreams, KeepalivesAndRepeatedSynAcksAreAnsweredPlainAcksAreNot) {
  server_leg();
  EXPECT_TRUE(from_server(kAck).empty());
  server.next -= 1;
  EXPECT_EQ(only(from_server(kAck)).tcp.ack, server.next + 1);
  EXPECT_EQ(only(give(with_offer(server.segment(kSyn | kAck), {}), kServerHop)).tcp.ack,
            server.next + 1);
}

TEST_P(SpliceUpstreams, AFinOfAParkedOneIsToldOnce) {
  const LegId leg = server_leg();
  from_server(kFin | kAck);
  const CoreEvent closed = event(CoreEventKind::kLegClosed);
  EXPECT_EQ(closed.error, base::Errno::kNone);
  EXPECT_EQ(closed.token, 9U);
  from_server(kFin | kAck);
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(core->fate(leg), LegFate::kSaidFin);
}

TEST_P(SpliceUpstreams, AResetOfAParkedOneIsToldWhereItIsExact) {
  const LegId leg = server_leg();
  server.next += 1;
  EXPECT_EQ(only(from_server(kRst)).tcp.flags, kAck);
  EXPECT_TRUE(events().empty());
  server.next -= 1;
  EXPECT_TRUE(from_server(kRst).empty());
  EXPECT_EQ(event(CoreEventKind::kLegClosed).error, base::to_errno(ECONNRESET));
  EXPECT_EQ(core->stats().parked, 0U);
  EXPECT_TRUE(from_server(kAck, "late").empty());
  core->close(leg, true);
  EXPECT_TRUE(sent().empty());
  expect_empty();
}

TEST_P(SpliceUpstreams, PortsRunOutAndComeBackAfterTheirQuarantine) {
  PortChoice choice;  // Two ports of each.
  choice.v4 = [](const FlowKey<Ip4>& reply) { return swap_bytes(reply.local_port) / 2 == 2000; };
  choice.v6 = [](const FlowKey<Ip6>& reply) { return swap_bytes(reply.local_port) / 2 == 2000; };
  restart({}, choice);
  const LegId first = start_connect();
  start_connect();
  const auto none = core->connect({.remote = remote, .sources = std::span(&source, 1)});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error(), base::to_errno(EADDRNOTAVAIL));
  EXPECT_EQ(core->stats().ports_exhausted, 1U);
  EXPECT_EQ(core->stats().ports_in_use, 2U);
  const Sent old = std::move(sent().front());
  core->close(first, true);
  pass(59s);
  EXPECT_FALSE(core->connect({.remote = remote, .sources = std::span(&source, 1)}).has_value());
  pass(4s);
  sent();
  start_connect();
  const Sent again = only(sent());
  EXPECT_EQ(again.tcp.source, old.tcp.source);
  // 64 ns a number: above what the server may have of the last connection.
  EXPECT_EQ(again.tcp.seq - old.tcp.seq,
            static_cast<std::uint32_t>((63s).count() * 1000000000 / 64));
}

TEST_P(SpliceUpstreams, PastTheMostLegsThereIsNone) {
  CoreOptions few = small();
  few.legs_max = 1;
  restart(few);
  start_connect();
  const auto none = core->connect({.remote = remote, .sources = std::span(&source, 1)});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error(), base::to_errno(EMFILE));
  EXPECT_EQ(core->stats().legs_full, 1U);
  EXPECT_EQ(core->stats().ports_in_use, 1U);
}

INSTANTIATE_TEST_SUITE_P(Families, SpliceUpstreams, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
