// The core's own segments, read by somebody else.
#include "backends/dpdk/splice_core/segment_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "backends/dpdk/splice_core/parse.h"
#include "tests/backends/dpdk/mini_packet.h"

namespace backends::dpdk::splice_core {
namespace {

template <typename Ip>
FlowKey<Ip> flow() {
  FlowKey<Ip> made;
  std::array<std::byte, sizeof(Ip)> bytes{};
  bytes.fill(std::byte{0x11});
  std::memcpy(&made.remote, bytes.data(), sizeof(Ip));
  bytes.fill(std::byte{0x22});
  std::memcpy(&made.local, bytes.data(), sizeof(Ip));
  made.remote_port = swap_bytes(std::uint16_t{8080});
  made.local_port = swap_bytes(std::uint16_t{40000});
  return made;
}

// Over whatever stood there before.
template <typename Ip>
std::vector<std::byte> written(const OwnSegment& segment) {
  std::vector<std::byte> packet(packet_bytes<Ip>(segment), std::byte{0xee});
  write_packet(packet.data(), flow<Ip>(), segment);
  return packet;
}

template <typename Ip>
class SegmentWriter : public testing::Test {};
using Families = testing::Types<Ip4, Ip6>;
TYPED_TEST_SUITE(SegmentWriter, Families);

TYPED_TEST(SegmentWriter, AStrangerReadsWhatWasMeant) {
  const std::vector<std::byte> text(5, std::byte{'x'});
  const auto packet = written<TypeParam>({.seq = 0xfffffff0,
                                          .ack = 0x01020304,
                                          .window = 777,
                                          .flags = kAck | kPsh,
                                          .hop_limit = 33,
                                          .payload = text});
  const auto read = dpdk_test::read_packet(packet);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->source.port, 40000);
  EXPECT_EQ(read->destination.port, 8080);
  EXPECT_EQ(read->source.bytes[0], 0x22);
  EXPECT_EQ(read->destination.bytes[0], 0x11);
  EXPECT_EQ(read->seq, 0xfffffff0);
  EXPECT_EQ(read->ack, 0x01020304U);
  EXPECT_EQ(read->window, 777);
  EXPECT_EQ(read->flags, kAck | kPsh);
  EXPECT_TRUE(std::ranges::equal(read->payload, text));
  EXPECT_EQ(packet[sizeof(TypeParam) == sizeof(Ip4) ? 8 : 7], std::byte{33});
  if (sizeof(TypeParam) == sizeof(Ip4)) {
    EXPECT_EQ(load16(packet.data() + 6), 0x4000);
  }
}

TYPED_TEST(SegmentWriter, ASynSaysWhatIsOfferedAndNothingElse) {
  for (const std::uint8_t scale : {std::uint8_t{7}, std::uint8_t{0}, kNoWindowScale}) {
    for (const bool sack : {true, false}) {
      const SynOptions offered{.mss = 1460, .window_scale = scale, .sack = sack};
      const auto packet = written<TypeParam>({.flags = kSyn, .offered = &offered});
      const auto read = dpdk_test::read_packet(packet);
      ASSERT_TRUE(read.has_value());
      EXPECT_EQ(read->mss, 1460);
      EXPECT_EQ(read->sack_permitted, sack);
      EXPECT_EQ(read->window_scale.has_value(), scale != kNoWindowScale);
      EXPECT_EQ(read->window_scale.value_or(kNoWindowScale), scale);
      EXPECT_TRUE(read->payload.empty());
    }
  }
}

}  // namespace
}  // namespace backends::dpdk::splice_core
