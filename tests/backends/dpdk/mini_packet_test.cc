#include "tests/backends/dpdk/mini_packet.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "base/prng.h"

namespace dpdk_test {
namespace {

base::IpPort ip(const char* text) { return base::parse_address(text).value().ip; }

std::vector<std::byte> bytes_of(std::initializer_list<unsigned> values) {
  std::vector<std::byte> bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TcpSegment sample(bool v4) {
  TcpSegment segment;
  segment.source = ip(v4 ? "192.0.2.1:1234" : "[2001:db8::1]:1234");
  segment.destination = ip(v4 ? "198.51.100.7:80" : "[2001:db8::7]:80");
  segment.seq = 0xfffffff0U;
  segment.ack = 0x01020304U;
  segment.window = 4321;
  segment.flags = kAck | kPsh;
  return segment;
}

TEST(MiniPacket, WhatWasBuiltIsReadBack) {
  const std::vector<std::byte> payload = bytes_of({1, 2, 3, 4, 5});
  for (const bool v4 : {true, false}) {
    TcpSegment segment = sample(v4);
    segment.payload = payload;
    segment.sack_blocks = {{5, 9}, {0xfffffffeU, 3}};
    const std::vector<std::byte> packet = build_packet(segment, 7);
    const auto read = read_packet(packet);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->source, segment.source);
    EXPECT_EQ(read->destination, segment.destination);
    EXPECT_EQ(read->seq, segment.seq);
    EXPECT_EQ(read->ack, segment.ack);
    EXPECT_EQ(read->window, segment.window);
    EXPECT_EQ(read->flags, segment.flags);
    EXPECT_EQ(read->sack_blocks, segment.sack_blocks);
    EXPECT_EQ(std::vector<std::byte>(read->payload.begin(), read->payload.end()), payload);
    EXPECT_EQ(read->end(), 0xfffffff5U);
  }
}

TEST(MiniPacket, OptionsOfASynAreReadBack) {
  TcpSegment segment = sample(true);
  segment.flags = kSyn;
  segment.mss = 1460;
  segment.window_scale = 7;
  segment.sack_permitted = true;
  const auto packet = build_packet(segment, 1);
  const auto read = read_packet(packet);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->mss, 1460);
  EXPECT_EQ(read->window_scale, 7);
  EXPECT_TRUE(read->sack_permitted);
  EXPECT_EQ(read->length(), 1U);
}

// Summed by hand from the layouts of RFC 791 and RFC 9293: the two checksums do not come from the
// code under test.
TEST(MiniPacket, ChecksumsAreThoseOfTheRfcs) {
  TcpSegment segment;
  segment.source = ip("10.0.0.1:1");
  segment.destination = ip("10.0.0.2:2");
  segment.flags = kSyn;
  const std::vector<std::byte> packet = build_packet(segment, 0);
  ASSERT_EQ(packet.size(), 40U);
  // 4500+0028+0000+4000+4006+0a00+0001+0a00+0002 = d931; its complement is 26ce.
  EXPECT_EQ(packet[10], std::byte{0x26});
  EXPECT_EQ(packet[11], std::byte{0xce});
  // 0a00+0001+0a00+0002+0006+0014 + 0001+0002+5002 = 6422; its complement is 9bdd.
  EXPECT_EQ(packet[36], std::byte{0x9b});
  EXPECT_EQ(packet[37], std::byte{0xdd});
}

TEST(MiniPacket, AnyFlippedBitUnderAChecksumIsFound) {
  const std::vector<std::byte> payload = bytes_of({10, 20, 30});
  for (const bool v4 : {true, false}) {
    TcpSegment segment = sample(v4);
    segment.payload = payload;
    const std::vector<std::byte> packet = build_packet(segment, 99);
    // IPv6 leaves traffic class, flow label and hop limit without one.
    for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
      const std::size_t at = bit / 8;
      if (!v4 && at < 8 && at != 4 && at != 5 && at != 6) continue;
      std::vector<std::byte> damaged = packet;
      damaged[at] ^= static_cast<std::byte>(1U << (bit % 8));
      EXPECT_FALSE(read_packet(damaged).has_value()) << (v4 ? "v4" : "v6") << " bit " << bit;
    }
  }
}

TEST(MiniPacket, FaultsAreToldApart) {
  const std::vector<std::byte> packet = build_packet(sample(true), 3);
  auto damaged = packet;
  damaged[5] ^= std::byte{1};
  EXPECT_EQ(read_packet(damaged).error(), PacketFault::kBadIpChecksum);
  damaged = packet;
  damaged[25] ^= std::byte{1};
  EXPECT_EQ(read_packet(damaged).error(), PacketFault::kBadTcpChecksum);
  damaged = packet;
  damaged[9] = std::byte{17};
  mend_checksums(damaged);
  EXPECT_EQ(read_packet(damaged).error(), PacketFault::kNotTcp);
  EXPECT_EQ(read_packet(std::span(packet).first(39)).error(), PacketFault::kMalformed);
  EXPECT_EQ(read_packet({}).error(), PacketFault::kMalformed);
}

TEST(MiniPacket, PaddingBehindThePacketIsNoPayload) {
  std::vector<std::byte> packet = build_packet(sample(true), 3);
  packet.resize(60, std::byte{0xee});
  ASSERT_TRUE(read_packet(packet).has_value());
  EXPECT_TRUE(read_packet(packet)->payload.empty());
}

TEST(MiniPacket, OptionsThatContradictTheirSpaceAreMalformed) {
  TcpSegment segment = sample(true);
  segment.flags = kSyn;
  segment.mss = 1460;
  for (const unsigned length : {0U, 1U, 3U, 5U, 255U}) {
    std::vector<std::byte> packet = build_packet(segment, 1);
    packet[41] = static_cast<std::byte>(length);
    mend_checksums(packet);
    EXPECT_EQ(read_packet(packet).error(), PacketFault::kMalformed) << length;
  }
}

TEST(MiniPacket, AnyBytesCanBeRead) {
  base::Prng prng(1);
  std::size_t whole = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> packet = build_packet(sample(round % 2 == 0), 1);
    for (std::size_t i = 0; i < 3; ++i) {
      packet[prng.below(packet.size())] = static_cast<std::byte>(prng.next());
    }
    const std::size_t version = std::to_integer<std::size_t>(packet[0]) >> 4U;
    if (version == 4 || packet.size() >= 60) mend_checksums(packet);
    packet.resize(prng.below(packet.size() + 1));
    whole += read_packet(packet).has_value() ? 1U : 0U;
  }
  EXPECT_GT(whole, 10U);
}

}  // namespace
}  // namespace dpdk_test
