// The burst: who gets which segment, and what belongs to nobody.
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

using SpliceBurst = CoreTest;

TEST_P(SpliceBurst, AHandshakeAndItsDataMayLieInOneBurst) {
  ask();
  std::vector<std::vector<std::byte>> bytes;
  bytes.push_back(dpdk_test::build_packet(client.segment(kAck), 1));
  bytes.push_back(dpdk_test::build_packet(client.segment(kAck, "hello"), 2));
  client.next += 5;
  bytes.push_back(dpdk_test::build_packet(client.segment(kAck | kFin, "bye"), 3));
  std::vector<Packet> burst;
  for (auto& each : bytes) {
    const auto size = static_cast<std::uint32_t>(each.size());
    burst.push_back({.data = each.data(), .size = size, .room = size, .hop = kClientHop});
  }
  core->receive(burst);
  const auto all = events();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].kind, CoreEventKind::kAccepted);
  EXPECT_EQ(all[1].kind, CoreEventKind::kLegClosed);
  EXPECT_EQ(core->stats().early_held, 2U);
  EXPECT_EQ(core->stats().packets, 4U);
}

TEST_P(SpliceBurst, ASegmentOfNoConnectionToOurSourceAddressIsReset) {
  server.far.port = 5555;
  server.expected = 99;
  const Sent reset = only(from_server(kAck, "x"));
  EXPECT_EQ(reset.tcp.flags, kRst);
  EXPECT_EQ(reset.tcp.seq, 99U);
  EXPECT_EQ(reset.hop, kServerHop);
  EXPECT_TRUE(from_server(kRst).empty());
  EXPECT_EQ(dropped(DropReason::kNoState), 2U);
}

TEST_P(SpliceBurst, TheTableGrowsWithManyLegsAndFindsThemAll) {
  CoreOptions many = small();
  many.legs_max = 5000;
  restart(many);
  constexpr std::uint16_t kMany = 4000;
  std::vector<Station> stations;
  const std::uint64_t places = core->stats().table_places;
  for (std::uint16_t i = 0; i < kMany; ++i) {
    client.near.port = static_cast<std::uint16_t>(1024 + i);
    client.next = i;
    client_leg();
    stations.push_back(client);
  }
  EXPECT_GT(core->stats().table_places, places);
  EXPECT_EQ(core->stats().table_entries, kMany);
  for (Station& each : stations) {
    client = each;
    client.next -= 1;
    ASSERT_EQ(only(from_client(kAck)).tcp.destination, client.near);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, SpliceBurst, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
