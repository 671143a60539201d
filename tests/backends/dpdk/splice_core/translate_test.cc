// The rewriting of one segment, judged by a whole new sum.
#include "backends/dpdk/splice_core/translate.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/tcp_options.h"
#include "base/prng.h"
#include "tests/backends/dpdk/splice_core/wire_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

const Bytes kSackOptions = bytes_of({1, 5, 10, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xfe, 1});

template <typename Ip>
void set_right(Bytes& packet, const Envelope& envelope) {
  if (sizeof(Ip) == sizeof(Ip4)) write_ip4_checksum(packet.data());
  write_tcp_checksum(packet.data(), envelope);
}

template <typename Ip>
bool is_right(const Bytes& packet, const Envelope& envelope) {
  return (sizeof(Ip) != sizeof(Ip4) || ip4_checksum_good(packet.data())) &&
         tcp_checksum_good(packet.data(), envelope);
}

template <typename Ip>
Bytes packet_of(const Bytes& options, std::string_view payload) {
  return sizeof(Ip) == sizeof(Ip4) ? tcp4(options, payload) : tcp6(options, payload);
}

template <typename Ip>
class Translate : public testing::Test {};
using Families = testing::Types<Ip4, Ip6>;
TYPED_TEST_SUITE(Translate, Families);

template <typename Ip>
FlowKey<Ip> any_flow(base::Prng& prng) {
  FlowKey<Ip> flow;
  for (Ip* const each : {&flow.remote, &flow.local}) {
    auto* const bytes = reinterpret_cast<std::byte*>(each);
    for (std::size_t i = 0; i < sizeof(Ip); ++i) bytes[i] = static_cast<std::byte>(prng.next());
  }
  flow.remote_port = static_cast<std::uint16_t>(prng.next());
  flow.local_port = static_cast<std::uint16_t>(prng.next());
  return flow;
}

TYPED_TEST(Translate, TheShortWayOfUsualSegmentsWritesTheSameBytes) {
  base::Prng prng(11);
  for (int round = 0; round < 1000; ++round) {
    Bytes general = packet_of<TypeParam>({}, "payload");
    const Envelope envelope = parse_envelope(general).value();
    set_right<TypeParam>(general, envelope);
    Bytes plain = general;
    const FlowKey<TypeParam> towards = any_flow<TypeParam>(prng);
    const Rewrite change{.seq = static_cast<std::uint32_t>(prng.next()),
                         .ack = static_cast<std::uint32_t>(prng.next()),
                         .window = static_cast<std::uint16_t>(prng.next()),
                         .hop_limit = static_cast<std::uint8_t>(prng.between(1, 255))};
    rewrite(general.data(), envelope, parse_segment(general.data(), envelope), towards, change);
    rewrite_plain<TypeParam>(
        plain.data(), envelope.l4,
        {.source = towards.local,
         .target = towards.remote,
         .ports = std::uint32_t{towards.local_port} | (std::uint32_t{towards.remote_port} << 16U),
         .seq = change.seq,
         .ack = change.ack,
         .window = change.window,
         .hop_limit = change.hop_limit});
    ASSERT_EQ(general, plain) << round;
    ASSERT_TRUE(is_right<TypeParam>(plain, envelope));
  }
}

TYPED_TEST(Translate, AnyNumbersLeaveARightChecksumRightAndAWrongOneWrong) {
  base::Prng prng(7);
  for (int round = 0; round < 2000; ++round) {
    Bytes packet = packet_of<TypeParam>(round % 2 == 0 ? kSackOptions : Bytes{}, "payload");
    const Envelope envelope = parse_envelope(packet).value();
    const Segment segment = parse_segment(packet.data(), envelope);
    packet[1] = static_cast<std::byte>(prng.next());
    if (sizeof(TypeParam) == sizeof(Ip6)) packet[1] &= std::byte{0xf0};
    packet[envelope.l4 + 13] |= std::byte{kEce};
    set_right<TypeParam>(packet, envelope);
    const bool damaged = round % 3 == 0;
    if (damaged) packet.back() ^= static_cast<std::byte>(prng.between(1, 255));

    const FlowKey<TypeParam> towards = any_flow<TypeParam>(prng);
    const Rewrite change{.seq = static_cast<std::uint32_t>(prng.next()),
                         .ack = static_cast<std::uint32_t>(prng.next()),
                         .sack_shift = static_cast<std::uint32_t>(prng.next()),
                         .blank_sack = round % 5 == 0,
                         .window = static_cast<std::uint16_t>(prng.next()),
                         .hop_limit = static_cast<std::uint8_t>(prng.between(1, 255))};
    const RewriteFound found = rewrite(packet.data(), envelope, segment, towards, change);
    EXPECT_EQ(found.sack_blocks, round % 2 == 0 ? 1U : 0U);
    ASSERT_EQ(is_right<TypeParam>(packet, envelope), !damaged) << round;
    const Segment now = parse_segment(packet.data(), envelope);
    ASSERT_EQ(now.seq, change.seq);
    ASSERT_EQ(now.ack, change.ack);
    ASSERT_EQ(now.window, change.window);
    ASSERT_FALSE(now.has(kEce));
    if constexpr (sizeof(TypeParam) == sizeof(Ip4)) {
      ASSERT_EQ(flow_key4(packet.data(), envelope).remote, towards.local);
      ASSERT_EQ(flow_key4(packet.data(), envelope).local_port, towards.remote_port);
    } else {
      ASSERT_EQ(flow_key6(packet.data(), envelope).remote, towards.local);
      ASSERT_EQ(flow_key6(packet.data(), envelope).local_port, towards.remote_port);
    }
  }
}

TEST(RescaleWindow, StepsAreRoundedDownAndTheLargestIsKept) {
  EXPECT_EQ(rescale_window(1000, kNoWindowScale, kNoWindowScale), 1000);
  EXPECT_EQ(rescale_window(1000, 7, 7), 1000);
  EXPECT_EQ(rescale_window(1000, 10, 7), 8000);
  EXPECT_EQ(rescale_window(1000, 0, 7), 7);
  EXPECT_EQ(rescale_window(127, kNoWindowScale, 7), 0);
  EXPECT_EQ(rescale_window(65535, 14, kNoWindowScale), 65535);
  EXPECT_EQ(rescale_window(65535, 14, 7), 65535);
}

}  // namespace
}  // namespace backends::dpdk::splice_core
