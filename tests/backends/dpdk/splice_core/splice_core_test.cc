// What is the same for both families, and what goes across them.
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

using SpliceCoreTest = CoreTest;

TEST_P(SpliceCoreTest, WhatIsNoPlainTcpIsCountedByItsReason) {
  auto fragment = dpdk_test::build_packet(client.segment(kAck), 0);
  auto extended = fragment;
  if (v4()) {
    fragment[6] = std::byte{0x20};
    extended[0] = std::byte{0x46};
  } else {
    fragment[6] = std::byte{44};
    extended[6] = std::byte{0};
  }
  EXPECT_TRUE(give_bytes(fragment, kClientHop).empty());
  EXPECT_TRUE(give_bytes(extended, kClientHop).empty());
  auto cut = dpdk_test::build_packet(client.segment(kAck, "payload"), 0);
  std::vector<std::byte> bytes(cut.begin(), cut.end() - 3);
  Packet packet{.data = bytes.data(),
                .size = static_cast<std::uint32_t>(bytes.size()),
                .room = static_cast<std::uint32_t>(bytes.size())};
  core->receive({&packet, 1});
  EXPECT_EQ(packet.verdict, Verdict::kDrop);
  EXPECT_EQ(dropped(DropReason::kFragment), 1U);
  EXPECT_EQ(dropped(DropReason::kIpOptions), 1U);
  EXPECT_EQ(dropped(DropReason::kShort), 1U);
}

TEST_P(SpliceCoreTest, ANameThatIsNoMoreIsGone) {
  const LegId leg = client_leg();
  EXPECT_EQ(core->fate(leg), LegFate::kOpen);
  core->close(leg, true);
  EXPECT_EQ(core->fate(leg), LegFate::kGone);
  const LegId next = [&] {
    sent();
    client.near.port = 40001;
    return client_leg();
  }();
  EXPECT_EQ(next.slot.slot, leg.slot.slot);
  EXPECT_EQ(core->fate(leg), LegFate::kGone);
  EXPECT_EQ(core->fate(next), LegFate::kOpen);
}

TEST_P(SpliceCoreTest, APairsNameIsOfOneLifeOfItsSlot) {
  const PairId first = opened();
  core->abort(first);
  sent();
  client.near.port = 40001;
  const PairId second = joined();
  EXPECT_EQ(second.slot, first.slot);
  EXPECT_FALSE(core->facts(first).has_value());
  EXPECT_TRUE(core->facts(second).has_value());
  core->taken(first);
  core->abort(first);
  EXPECT_TRUE(core->facts(second).has_value());
}

TEST_P(SpliceCoreTest, OwnMssIsOfTheFamily) {
  EXPECT_EQ(core->own_mss(base::Family::kV4), options.mss4);
  EXPECT_EQ(core->own_mss(base::Family::kV6), options.mss6);
}

TEST_P(SpliceCoreTest, TimeDoesNotGoBack) {
  core->advance(now + 5s);
  core->advance(now);
  EXPECT_EQ(core->now(), now + 5s);
}

TEST_P(SpliceCoreTest, ASessionLeavesNothingBehind) {
  expect_empty();
  const PairId pair = opened("header");
  client_says("question");
  server_says("answer");
  only(from_server(kFin | kAck));
  server.next += 1;
  client.expected += 1;
  only(from_client(kFin | kAck));
  client.next += 1;
  server.expected += 1;
  only(from_server(kAck));
  event(CoreEventKind::kEnded);
  EXPECT_TRUE(core->facts(pair).has_value());  // It lingers.
  for (int i = 0; i < 100; ++i) pass(100ms);
  EXPECT_FALSE(core->facts(pair).has_value());
  expect_empty();
  EXPECT_EQ(core->stats().closed, 1U);
  EXPECT_GT(core->stats().sweeps, 0U);
}

INSTANTIATE_TEST_SUITE_P(Families, SpliceCoreTest, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
