// Clients: the handshake by cookie, and what happens before there is an upstream.
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

using SpliceClients = CoreTest;

TEST_P(SpliceClients, ASynIsAnsweredWithACookieAndTheAckOfItIsAClient) {
  const Sent answer = ask();
  EXPECT_EQ(answer.tcp.flags, kSyn | kAck);
  EXPECT_EQ(answer.hop, kClientHop);
  EXPECT_EQ(answer.tcp.ack, client.next);
  EXPECT_EQ(answer.tcp.window, options.first_window);
  EXPECT_EQ(answer.tcp.mss, v4() ? options.mss4 : options.mss6);
  EXPECT_EQ(answer.tcp.window_scale, kOurWindowScale);
  EXPECT_TRUE(answer.tcp.sack_permitted);
  EXPECT_EQ(core->stats().legs, 0U);
  EXPECT_EQ(core->stats().half_open, 1U);

  EXPECT_TRUE(from_client(kAck).empty());
  const CoreEvent accepted = event(CoreEventKind::kAccepted);
  EXPECT_EQ(accepted.token, kListener);
  EXPECT_EQ(core->peer(accepted.leg), client.near);
  EXPECT_EQ(core->local(accepted.leg), vip);
  EXPECT_EQ(core->mss(accepted.leg), 1400);
  EXPECT_EQ(core->fate(accepted.leg), LegFate::kOpen);
  EXPECT_EQ(core->stats().legs, 1U);
  EXPECT_EQ(core->stats().half_open, 0U);
}

TEST_P(SpliceClients, WhatAClientDoesNotOfferIsNotOfferedToIt) {
  const Sent answer = ask({.mss = {}, .scale = {}, .sack = false});
  EXPECT_FALSE(answer.tcp.window_scale.has_value());
  EXPECT_FALSE(answer.tcp.sack_permitted);
  EXPECT_TRUE(answer.tcp.mss.has_value());
}

TEST_P(SpliceClients, TheSynAckIsRepeatedAfterOneThreeAndSevenSecondsAndNoMore) {
  const Sent answer = ask();
  std::vector<int> at;
  for (int tenth = 1; tenth <= 200; ++tenth) {
    for (const Sent& again : pass(100ms)) {
      at.push_back(tenth);
      EXPECT_EQ(again.bytes, answer.bytes);
      EXPECT_EQ(again.hop, kClientHop);
    }
  }
  EXPECT_EQ(at, (std::vector{10, 30, 70}));
  EXPECT_EQ(core->stats().syn_acks_repeated, 3U);
  EXPECT_EQ(core->stats().half_open, 0U);
}

TEST_P(SpliceClients, DataInTheAckIsKept) {
  ask();
  EXPECT_TRUE(from_client(kAck | kPsh, "hello").empty());
  event(CoreEventKind::kAccepted);
  EXPECT_GT(core->early_bytes(), 5U);
  EXPECT_EQ(core->stats().early_held, 1U);
}

TEST_P(SpliceClients, AFinWithTheAckIsToldAfterTheClient) {
  ask();
  EXPECT_TRUE(from_client(kAck | kFin).empty());
  const auto all = events();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].kind, CoreEventKind::kAccepted);
  EXPECT_EQ(all[1].kind, CoreEventKind::kLegClosed);
  EXPECT_EQ(core->fate(all[0].leg), LegFate::kSaidFin);
}

TEST_P(SpliceClients, AnAckWithoutACookieDrawsAnExactReset) {
  client.expected = 12345;
  const Sent reset = only(from_client(kAck, "x"));
  EXPECT_EQ(reset.tcp.flags, kRst);
  EXPECT_EQ(reset.tcp.seq, 12345U);
  EXPECT_EQ(dropped(DropReason::kBadCookie), 1U);
  EXPECT_EQ(core->stats().cookies_refused, 1U);
  EXPECT_TRUE(events().empty());
}

TEST_P(SpliceClients, AnswersToStrangersAreLimited) {
  CoreOptions few = small();
  few.answers_per_second = 3;
  restart(few);
  client.expected = 1;
  std::size_t resets = 0;
  for (int i = 0; i < 10; ++i) resets += from_client(kAck).size();
  EXPECT_EQ(resets, 3U);
  EXPECT_EQ(core->stats().answers_limited, 7U);
  pass(1s);
  EXPECT_EQ(from_client(kAck).size(), 1U);
}

// The ACK and the first data were lost, the second data was not: the cookie needs the client's own
// first number, which the table of half-open clients has.
TEST_P(SpliceClients, DataAheadOfALostAckIsNoReasonForAReset) {
  ask();
  client.next += 100;
  EXPECT_TRUE(from_client(kAck, "second").empty());
  event(CoreEventKind::kAccepted);
  EXPECT_EQ(core->early_bytes(), 0U);
  client.next -= 100;
  EXPECT_TRUE(from_client(kAck, std::string(100, 'a')).empty());
  EXPECT_EQ(core->stats().early_held, 1U);
}

TEST_P(SpliceClients, DataFarAheadOfAHalfOpenClientIsRefused) {
  ask();
  client.next += 1U << 20U;
  EXPECT_EQ(only(from_client(kAck, "x")).tcp.flags, kRst);
  EXPECT_TRUE(events().empty());
}

TEST_P(SpliceClients, AResetOfAHalfOpenClientEndsTheRepeating) {
  ask();
  client.next += 5;  // Anybody's guess.
  from_client(kRst);
  EXPECT_EQ(core->stats().half_open, 1U);
  client.next -= 5;
  EXPECT_TRUE(from_client(kRst).empty());
  EXPECT_EQ(core->stats().half_open, 0U);
  EXPECT_TRUE(pass(10s).empty());
}

TEST_P(SpliceClients, APausedListenerIsSilentAndTakesTheAckLater) {
  core->set_accepting(kListener, false);
  EXPECT_TRUE(give(with_offer(client.segment(kSyn), {})).empty());
  core->set_accepting(kListener, true);
  ask();
  core->set_accepting(kListener, false);
  EXPECT_TRUE(from_client(kAck).empty());
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(dropped(DropReason::kListenerPaused), 2U);
  core->set_accepting(kListener, true);
  EXPECT_TRUE(from_client(kAck).empty());
  event(CoreEventKind::kAccepted);
}

TEST_P(SpliceClients, WhereNobodyListensASynIsReset) {
  client.far.port = 81;
  const Sent reset = only(give(with_offer(client.segment(kSyn), {})));
  EXPECT_EQ(reset.tcp.flags, kRst | kAck);
  EXPECT_EQ(reset.tcp.ack, client.next + 1);
  core->unlisten(kListener);
  client.far.port = 80;
  EXPECT_EQ(only(give(with_offer(client.segment(kSyn), {}))).tcp.flags, kRst | kAck);
  EXPECT_EQ(dropped(DropReason::kNoState), 2U);
}

TEST_P(SpliceClients, WhatIsForSomebodyElseIsNotAnswered) {
  client.far = of("192.0.2.99:80", "[2001:db8::99]:80");
  EXPECT_TRUE(give(with_offer(client.segment(kSyn), {})).empty());
  EXPECT_EQ(dropped(DropReason::kNotForUs), 1U);
}

TEST_P(SpliceClients, AWildcardTakesOwnAddressesOnlyAndTheExactOneGoesFirst) {
  core->listen(of("0.0.0.0:80", "[::]:80"), 5);
  client_leg();
  client.near.port = 40001;
  client.next = 100;
  client.far = of("192.0.2.90:80", "[2001:db8::90]:80");
  ask();
  from_client(kAck);
  EXPECT_EQ(event(CoreEventKind::kAccepted).token, 5U);
  client.far = of("192.0.2.99:80", "[2001:db8::99]:80");
  EXPECT_TRUE(give(with_offer(client.segment(kSyn), {})).empty());
}

TEST_P(SpliceClients, ADamagedSynOrAckChangesNothing) {
  auto bytes = dpdk_test::build_packet(with_offer(client.segment(kSyn), {}), 0);
  bytes.back() ^= std::byte{1};
  EXPECT_TRUE(give_bytes(bytes, kClientHop).empty());
  ask();
  bytes = dpdk_test::build_packet(client.segment(kAck), 0);
  bytes[v4() ? 34 : 54] ^= std::byte{1};  // The window.
  EXPECT_TRUE(give_bytes(bytes, kClientHop).empty());
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(dropped(DropReason::kBadChecksum), 2U);
}

TEST_P(SpliceClients, ASynOnAWaitingClientDrawsAChallenge) {
  client_leg();
  TcpSegment syn = with_offer(client.segment(kSyn), {});
  const Sent challenge = only(give(syn));
  EXPECT_EQ(challenge.tcp.flags, kAck);
  EXPECT_EQ(challenge.tcp.seq, client.expected);
  EXPECT_EQ(challenge.tcp.ack, client.next);
  EXPECT_EQ(dropped(DropReason::kSynOnOpen), 1U);
}

TEST_P(SpliceClients, AKeepaliveOfAWaitingClientIsAnswered) {
  client_leg();
  client.next -= 1;
  const Sent answer = only(from_client(kAck));
  EXPECT_EQ(answer.tcp.ack, client.next + 1);
  // What was given with the SYN-ACK is not taken back: the same window, scaled now.
  EXPECT_EQ(answer.tcp.window << kOurWindowScale, options.first_window);
  EXPECT_EQ(core->stats().probes_answered, 1U);
}

TEST_P(SpliceClients, EarlyDataIsKeptInOrderAndOnlyUpToItsBudget) {
  CoreOptions few = small();
  few.early_bytes_per_client = 10;
  restart(few);
  const LegId leg = client_leg();
  from_client(kAck, "12345");
  client.next += 6;
  from_client(kAck, "gap");
  EXPECT_EQ(dropped(DropReason::kEarlyData), 1U);
  client.next -= 1;
  from_client(kAck, "67890");
  from_client(kAck, "67890");  // Once more: known, and no drop.
  client.next += 5;
  from_client(kAck, "x");
  EXPECT_EQ(dropped(DropReason::kEarlyData), 2U);
  EXPECT_EQ(core->stats().early_held, 2U);
  core->close(leg, true);
  EXPECT_EQ(only(sent()).tcp.flags, kRst | kAck);
  expect_empty();
}

TEST_P(SpliceClients, TheBudgetOfAllIsOneForAll) {
  CoreOptions few = small();
  few.early_bytes_max = EarlyStore::kPacketMax;
  restart(few);
  client_leg();
  from_client(kAck, "one");
  client.near.port = 40001;
  client_leg();
  from_client(kAck, "two");
  EXPECT_EQ(core->stats().early_held, 1U);
  EXPECT_EQ(dropped(DropReason::kEarlyData), 1U);
}

TEST_P(SpliceClients, AResetEndsAWaitingClientWhereItIsExact) {
  const LegId leg = client_leg();
  from_client(kAck, "hello");
  client.next += 5;
  from_client(kFin | kAck);
  client.next += 1;
  event(CoreEventKind::kLegClosed);
  from_client(kRst);  // Behind the FIN.
  EXPECT_EQ(event(CoreEventKind::kLegClosed).error, base::to_errno(ECONNRESET));
  EXPECT_EQ(core->fate(leg), LegFate::kGone);
  core->close(leg, false);
  EXPECT_TRUE(sent().empty());
  expect_empty();
}

// A client that has sent more than was kept, and is gone: its RST lies ahead, and the challenge
// draws the exact one (RFC 5961, 3.2).
TEST_P(SpliceClients, AResetInTheWindowIsChallengedAndOutsideOfItIgnored) {
  client_leg();
  client.next += 2000;
  const Sent challenge = only(from_client(kRst));
  EXPECT_EQ(challenge.tcp.flags, kAck);
  EXPECT_TRUE(events().empty());
  client.next += 1U << 24U;
  EXPECT_TRUE(from_client(kRst).empty());
  client.next = challenge.tcp.ack;
  EXPECT_TRUE(from_client(kRst).empty());
  EXPECT_EQ(event(CoreEventKind::kLegClosed).error, base::to_errno(ECONNRESET));
}

TEST_P(SpliceClients, WithoutRoomForHalfOpenOnesTheCookieAloneDoes) {
  CoreOptions none = small();
  none.half_open_max = 0;
  restart(none);
  client_leg();
  EXPECT_EQ(core->stats().half_open_full, 1U);
  EXPECT_TRUE(pass(10s).empty());
}

TEST_P(SpliceClients, PastTheMostLegsAClientHasToWait) {
  CoreOptions few = small();
  few.legs_max = 1;
  restart(few);
  const LegId first = client_leg();
  client.near.port = 40001;
  ask();
  EXPECT_TRUE(from_client(kAck).empty());
  EXPECT_TRUE(events().empty());
  EXPECT_EQ(dropped(DropReason::kTableFull), 1U);
  EXPECT_EQ(core->stats().legs_full, 1U);
  core->close(first, true);
  sent();
  EXPECT_TRUE(from_client(kAck).empty());
  event(CoreEventKind::kAccepted);
}

INSTANTIATE_TEST_SUITE_P(Families, SpliceClients, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
