// Closing what is not joined.
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

using SpliceLegs = CoreTest;

TEST_P(SpliceLegs, AClosedClientGetsAFinAndAfterItsOwnNothingIsLeft) {
  const LegId leg = client_leg();
  core->close(leg, false);
  const Sent fin = only(sent());
  EXPECT_EQ(fin.tcp.flags, kFin | kAck);
  EXPECT_EQ(fin.tcp.seq, client.expected);
  client.expected += 1;
  EXPECT_TRUE(from_client(kAck).empty());
  EXPECT_EQ(core->stats().legs, 1U);
  const Sent last = only(from_client(kFin | kAck));
  EXPECT_EQ(last.tcp.flags, kAck);
  EXPECT_EQ(last.tcp.ack, client.next + 1);
  EXPECT_EQ(last.tcp.seq, client.expected);
  expect_empty();
  EXPECT_TRUE(events().empty());
}

TEST_P(SpliceLegs, WhereTheFinCameFirstOursAcknowledgesIt) {
  const LegId leg = client_leg();
  from_client(kFin | kAck);
  event(CoreEventKind::kLegClosed);
  core->close(leg, false);
  client.next += 1;
  const Sent fin = only(sent());
  EXPECT_EQ(fin.tcp.ack, client.next);
  client.expected += 1;
  EXPECT_TRUE(from_client(kAck).empty());
  expect_empty();
}

TEST_P(SpliceLegs, AFinIsRepeatedAndThenReset) {
  core->close(server_leg(), false);
  const Sent fin = only(sent());
  EXPECT_EQ(fin.tcp.flags, kFin | kAck);
  EXPECT_EQ(core->stats().parked, 0U);
  std::vector<int> at;
  int reset_at = 0;
  for (int tick = 1; tick <= 40; ++tick) {
    for (const Sent& again : pass(200ms)) {
      EXPECT_EQ(again.tcp.ack, server.next);
      if (again.tcp.has(kRst)) {
        reset_at = tick;
        EXPECT_EQ(again.tcp.seq, fin.tcp.seq + 1);
      } else {
        at.push_back(tick);
        EXPECT_EQ(again.tcp.flags, kFin | kAck);
        EXPECT_EQ(again.tcp.seq, fin.tcp.seq);
      }
    }
  }
  // 200, 400, 800 and 1600 ms, and 3200 ms later the end.
  EXPECT_EQ(at, (std::vector{1, 3, 7, 15}));
  EXPECT_EQ(reset_at, 31);
  expect_empty();
}

TEST_P(SpliceLegs, DataAfterTheCloseIsReset) {
  core->close(server_leg(), false);
  sent();
  const Sent reset = only(from_server(kAck, "more"));
  EXPECT_EQ(reset.tcp.flags, kRst);
  EXPECT_EQ(reset.tcp.seq, server.expected);
  expect_empty();
}

TEST_P(SpliceLegs, AnExactResetEndsAClosingOneAndNoOther) {
  core->close(client_leg(), false);
  sent();
  client.next += 1;
  from_client(kRst);
  EXPECT_EQ(core->stats().legs, 1U);
  client.next -= 1;
  from_client(kRst);
  expect_empty();
}

TEST_P(SpliceLegs, AResetHasTheNumbersOfTheOtherEnd) {
  core->close(client_leg(), true);
  const Sent reset = only(sent());
  EXPECT_EQ(reset.tcp.flags, kRst | kAck);
  EXPECT_EQ(reset.tcp.seq, client.expected);
  EXPECT_EQ(reset.tcp.ack, client.next);
  EXPECT_EQ(reset.hop, kClientHop);
  expect_empty();
}

TEST_P(SpliceLegs, KeptSegmentsTurnAFinIntoAReset) {
  const LegId leg = client_leg();
  from_client(kAck, "unread");
  core->close(leg, false);
  EXPECT_EQ(only(sent()).tcp.flags, kRst | kAck);
  expect_empty();
}

TEST_P(SpliceLegs, AConnectThatIsGivenUpIsForgottenAndItsAnswerReset) {
  core->close(start_connect(), false);
  hear(only(sent()));
  expect_empty();
  const Sent reset = only(give(with_offer(server.segment(kSyn | kAck), {}), kServerHop));
  EXPECT_EQ(reset.tcp.flags, kRst);
  EXPECT_EQ(reset.tcp.seq, server.expected);
}

TEST_P(SpliceLegs, WithoutABufferASegmentIsLostAndCounted) {
  outbox.refuse = true;
  core->close(client_leg(), true);
  EXPECT_EQ(dropped(DropReason::kNoBuffer), 1U);
  expect_empty();
}

TEST_P(SpliceLegs, AnEventCarriesTheTokenThatWasSetLast) {
  const LegId leg = server_leg();
  core->set_token(leg, 4242);
  from_server(kFin | kAck);
  EXPECT_EQ(event(CoreEventKind::kLegClosed).token, 4242U);
}

INSTANTIATE_TEST_SUITE_P(Families, SpliceLegs, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
