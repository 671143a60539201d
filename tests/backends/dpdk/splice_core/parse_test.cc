#include "backends/dpdk/splice_core/parse.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/splice_core/wire_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

// A packet in exactly its own memory, so that a sanitizer sees a look behind its end.
DropReason reason_of(const Bytes& packet) {
  const Bytes exact(packet.begin(), packet.end());
  const auto envelope = parse_envelope(exact);
  EXPECT_FALSE(envelope.has_value());
  Envelope usual;
  EXPECT_FALSE(parse_usual(exact.data(), static_cast<std::uint32_t>(exact.size()), usual));
  return envelope.has_value() ? DropReason::kCount : envelope.error();
}

Envelope envelope_of(const Bytes& packet) {
  const auto envelope = parse_envelope(packet);
  EXPECT_TRUE(envelope.has_value()) << name_of(envelope ? DropReason::kShort : envelope.error());
  // The shortcut for the usual packet finds the same.
  Envelope usual;
  if (parse_usual(packet.data(), static_cast<std::uint32_t>(packet.size()), usual)) {
    EXPECT_EQ(usual.kind, envelope->kind);
    EXPECT_EQ(usual.l4, envelope->l4);
    EXPECT_EQ(usual.size, envelope->size);
  } else {
    EXPECT_FALSE(envelope->kind == PacketKind::kTcp4) << "a usual packet was not seen as one";
  }
  return envelope.value_or(Envelope{});
}

Bytes with(Bytes packet, std::size_t at, unsigned value) {
  packet.at(at) = static_cast<std::byte>(value);
  return packet;
}

TEST(Parse, FindsATcpSegmentInEitherVersion) {
  const Envelope four = envelope_of(tcp4(bytes_of({1, 1, 1, 1}), "hello"));
  EXPECT_EQ(four.kind, PacketKind::kTcp4);
  EXPECT_EQ(four.l4, 20U);
  EXPECT_EQ(four.size, 20U + 24 + 5);
  const Envelope six = envelope_of(tcp6(bytes_of({1, 1, 1, 1}), "hello"));
  EXPECT_EQ(six.kind, PacketKind::kTcp6);
  EXPECT_EQ(six.l4, 40U);
  EXPECT_EQ(six.size, 40U + 24 + 5);
}

TEST(Parse, ReadsTheNumbersOfASegment) {
  for (const Bytes& packet : {tcp4(bytes_of({1, 1, 1, 1}), "hello"),  //
                              tcp6(bytes_of({1, 1, 1, 1}), "hello")}) {
    const Segment segment = parse_segment(packet.data(), envelope_of(packet));
    EXPECT_EQ(segment.seq, 0x01020304U);
    EXPECT_EQ(segment.ack, 0xf5f6f7f8U);
    EXPECT_EQ(segment.window, 0xabcd);
    EXPECT_EQ(segment.flags, kPsh | kAck);
    EXPECT_EQ(segment.header_bytes, 24);
    EXPECT_EQ(segment.payload_bytes, 5U);
    EXPECT_EQ(segment.end(), 0x01020309U);
  }
}

TEST(Parse, SynAndFinCountOneEach) {
  const Segment segment{.seq = 0xffffffff, .flags = kSyn | kFin | kAck, .payload_bytes = 3};
  EXPECT_EQ(segment.length(), 5U);
  EXPECT_EQ(segment.end(), 4U);
  EXPECT_TRUE(segment.has(kFin));
  EXPECT_FALSE(segment.has(kRst));
}

TEST(Parse, AFlowKeyIsInWireOrderAndTheSenderIsRemote) {
  const Bytes four = tcp4();
  const FlowKey<Ip4> key4 = flow_key4(four.data(), envelope_of(four));
  EXPECT_EQ(swap_bytes(key4.remote.word), 0x0a010203U);
  EXPECT_EQ(swap_bytes(key4.local.word), 0xc0000209U);
  EXPECT_EQ(swap_bytes(key4.remote_port), 0x1234);
  EXPECT_EQ(swap_bytes(key4.local_port), 443);

  const Bytes six = tcp6();
  const FlowKey<Ip6> key6 = flow_key6(six.data(), envelope_of(six));
  EXPECT_EQ(std::memcmp(&key6.remote, six.data() + 8, 16), 0);
  EXPECT_EQ(std::memcmp(&key6.local, six.data() + 24, 16), 0);
  EXPECT_EQ(swap_bytes(key6.remote_port), 0x1234);
  EXPECT_EQ(swap_bytes(key6.local_port), 443);
}

TEST(Parse, EthernetPaddingIsNotPayload) {
  for (Bytes packet : {tcp4({}, "x"), tcp6({}, "x")}) {
    const std::size_t size = packet.size();
    packet.resize(size + 30);
    const Envelope envelope = envelope_of(packet);
    EXPECT_EQ(envelope.size, size);
    EXPECT_EQ(parse_segment(packet.data(), envelope).payload_bytes, 1U);
  }
}

TEST(Parse, WhateverIsCutOffMakesItShort) {
  for (const Bytes& whole : {tcp4(bytes_of({2, 4, 5, 0xb4}), "hello"),
                             tcp6(bytes_of({2, 4, 5, 0xb4}), "hello"), icmp4(3), icmp6(1)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_EQ(reason_of(cut), DropReason::kShort) << size;
    }
  }
}

TEST(Parse, TheLengthItClaimsMustHoldItsHeaders) {
  EXPECT_EQ(reason_of(with(tcp4(), 3, 39)), DropReason::kShort);
  EXPECT_EQ(reason_of(with(tcp4(), 3, 20)), DropReason::kShort);
  EXPECT_EQ(reason_of(with(tcp4(), 3, 19)), DropReason::kBadHeader);
  EXPECT_EQ(reason_of(with(tcp4(), 3, 0)), DropReason::kBadHeader);
  EXPECT_EQ(reason_of(with(tcp6(), 5, 19)), DropReason::kShort);
  EXPECT_EQ(reason_of(with(tcp6(), 5, 0)), DropReason::kShort);
  EXPECT_EQ(reason_of(with(icmp4(3), 3, 27)), DropReason::kShort);
  EXPECT_EQ(reason_of(with(icmp4(3), 3, 19)), DropReason::kBadHeader);
  EXPECT_EQ(reason_of(with(icmp6(1), 5, 7)), DropReason::kShort);
}

TEST(Parse, ATcpHeaderIsAtLeastFiveWordsAndWithinThePacket) {
  for (const auto& [packet, l4] : {std::pair{tcp4({}, "abcd"), 20U}, {tcp6({}, "abcd"), 40U}}) {
    EXPECT_EQ(reason_of(with(packet, l4 + 12, 0x40)), DropReason::kBadHeader);
    EXPECT_EQ(reason_of(with(packet, l4 + 12, 0x00)), DropReason::kBadHeader);
    EXPECT_EQ(reason_of(with(packet, l4 + 12, 0x70)), DropReason::kShort);
    EXPECT_EQ(reason_of(with(packet, l4 + 12, 0xf0)), DropReason::kShort);
    const Bytes all_options = with(packet, l4 + 12, 0x60);
    EXPECT_EQ(parse_segment(all_options.data(), envelope_of(all_options)).payload_bytes, 0U);
  }
}

TEST(Parse, VersionAndHeaderLengthMustBeTrue) {
  for (const unsigned first : {0x00U, 0x15U, 0x55U, 0x75U, 0xf5U}) {
    EXPECT_EQ(reason_of(with(tcp4(), 0, first)), DropReason::kBadHeader) << first;
  }
  EXPECT_EQ(reason_of(with(tcp4(), 0, 0x44)), DropReason::kBadHeader);
  EXPECT_EQ(reason_of(with(tcp4(), 0, 0x40)), DropReason::kBadHeader);
}

TEST(Parse, OptionsOfTheIpHeaderAreRefused) {
  EXPECT_EQ(reason_of(with(tcp4({}, "abcd"), 0, 0x46)), DropReason::kIpOptions);
  EXPECT_EQ(reason_of(with(icmp4(3), 0, 0x4f)), DropReason::kIpOptions);
  for (const unsigned next : {0U, 43U, 51U, 60U, 135U, 139U, 140U}) {
    EXPECT_EQ(reason_of(with(tcp6(), 6, next)), DropReason::kIpOptions) << next;
  }
}

TEST(Parse, FragmentsAreRefusedAndDoNotFragmentIsNone) {
  EXPECT_EQ(reason_of(with(tcp4(), 6, 0x20)), DropReason::kFragment);  // More to come.
  EXPECT_EQ(reason_of(with(tcp4(), 6, 0x01)), DropReason::kFragment);
  EXPECT_EQ(reason_of(with(tcp4(), 7, 0x01)), DropReason::kFragment);
  EXPECT_EQ(reason_of(with(icmp4(3), 7, 0x01)), DropReason::kFragment);
  EXPECT_EQ(reason_of(with(tcp6(), 6, 44)), DropReason::kFragment);
  envelope_of(with(tcp4(), 6, 0x40));
  envelope_of(with(tcp4(), 6, 0x00));
}

TEST(Parse, WhatIsNeitherTcpNorAnIcmpErrorIsNotForTheCore) {
  EXPECT_EQ(reason_of(with(tcp4(), 9, 17)), DropReason::kNotTcp);
  EXPECT_EQ(reason_of(with(tcp4(), 9, 58)), DropReason::kNotTcp);
  EXPECT_EQ(reason_of(with(tcp6(), 6, 17)), DropReason::kNotTcp);
  EXPECT_EQ(reason_of(with(tcp6(), 6, 1)), DropReason::kNotTcp);
  EXPECT_EQ(reason_of(with(tcp6(), 6, 59)), DropReason::kNotTcp);
  for (const unsigned type : {0U, 5U, 8U, 13U}) {
    EXPECT_EQ(reason_of(icmp4(type)), DropReason::kNotTcp) << type;
  }
  for (const unsigned type : {0U, 5U, 128U, 129U, 135U, 136U}) {
    EXPECT_EQ(reason_of(icmp6(type)), DropReason::kNotTcp) << type;
  }
}

TEST(Parse, FindsIcmpErrors) {
  for (const unsigned type : {3U, 11U, 12U}) {
    const Envelope envelope = envelope_of(icmp4(type));
    EXPECT_EQ(envelope.kind, PacketKind::kIcmp4);
    EXPECT_EQ(envelope.l4, 20U);
    EXPECT_EQ(envelope.size, 56U);
  }
  for (const unsigned type : {1U, 2U, 3U, 4U}) {
    const Envelope envelope = envelope_of(icmp6(type));
    EXPECT_EQ(envelope.kind, PacketKind::kIcmp6);
    EXPECT_EQ(envelope.l4, 40U);
    EXPECT_EQ(envelope.size, 96U);
  }
}

TEST(Parse, TheLargestPacketsAreTaken) {
  const std::string payload4(65535 - 40, 'x');
  EXPECT_EQ(envelope_of(tcp4({}, payload4)).size, 65535U);
  const std::string payload6(65535 - 20, 'x');
  EXPECT_EQ(envelope_of(tcp6({}, payload6)).size, 65575U);
}

}  // namespace
}  // namespace backends::dpdk::splice_core
