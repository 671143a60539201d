// Neighbour discovery against the layouts and the validity rules of RFC 4861.
#include "backends/dpdk/ndp.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_test_device.h"

namespace {

using backends::dpdk::kNeighbourFrameMax;
using backends::dpdk::NeighbourMessage;
using backends::dpdk::read_ndp;
using backends::dpdk::write_announcement;
using backends::dpdk::write_answer;
using backends::dpdk::write_question;
using backends::dpdk::splice_core::Ip6;
using tests::dpdk::as_bytes;
using tests::dpdk::Bytes;
using tests::dpdk::icmp6_checksum;
using tests::dpdk::ip;
using tests::dpdk::kOurMac;
using tests::dpdk::kRouterMac;
using tests::dpdk::ndp_frame;
using tests::dpdk::NdpFields;
using Kind = NeighbourMessage<Ip6>::Kind;

constexpr std::size_t kIcmp = 14 + 40;

template <typename Write>
Bytes written(Write write) {
  std::array<std::byte, kNeighbourFrameMax> frame;
  frame.fill(std::byte{0xee});
  const std::uint32_t size = write(frame.data());
  Bytes bytes(size);
  std::memcpy(bytes.data(), frame.data(), size);
  return bytes;
}

// The frame with its ICMPv6 checksum made right again.
Bytes summed(Bytes frame) {
  Bytes packet(frame.begin() + 14, frame.end());
  packet.at(42) = packet.at(43) = 0;
  tests::dpdk::put16(frame, kIcmp + 2, icmp6_checksum(packet));
  return frame;
}

bool is_read(const Bytes& frame) { return read_ndp(as_bytes(frame)).has_value(); }

NdpFields advertisement() {
  return {.type = 136,
          .from = "2001:db8::1",
          .to = "2001:db8::2",
          .target = "2001:db8::1",
          .flags = 0x60,
          .to_mac = kOurMac};
}

TEST(Ndp, AQuestionGoesToTheGroupOfItsTarget) {
  const Bytes frame = written([](std::byte* at) {
    return write_question(at, kOurMac, ip<Ip6>("2001:db8::2"), ip<Ip6>("2001:db8::aa:bbcc"),
                          std::nullopt);
  });
  EXPECT_EQ(frame, ndp_frame({.from = "2001:db8::2",
                              .to = "ff02::1:ffaa:bbcc",
                              .target = "2001:db8::aa:bbcc",
                              .mac = kOurMac,
                              .to_mac = {0x33, 0x33, 0xff, 0xaa, 0xbb, 0xcc}}));
}

TEST(Ndp, AQuestionToAKnownStationGoesOnlyThere) {
  const Bytes frame = written([](std::byte* at) {
    return write_question(at, kOurMac, ip<Ip6>("2001:db8::2"), ip<Ip6>("2001:db8::1"), kRouterMac);
  });
  EXPECT_EQ(frame, ndp_frame({.from = "2001:db8::2",
                              .to = "2001:db8::1",
                              .target = "2001:db8::1",
                              .mac = kOurMac,
                              .to_mac = kRouterMac}));
}

TEST(Ndp, AnAnswerIsSolicitedAndOverrides) {
  const Bytes frame = written([](std::byte* at) {
    return write_answer(at, kOurMac, ip<Ip6>("2001:db8::2"), kRouterMac, ip<Ip6>("2001:db8::1"));
  });
  EXPECT_EQ(frame, ndp_frame({.type = 136,
                              .from = "2001:db8::2",
                              .to = "2001:db8::1",
                              .target = "2001:db8::2",
                              .flags = 0x60,
                              .mac = kOurMac,
                              .to_mac = kRouterMac}));
}

TEST(Ndp, WhoHasNoAddressYetIsAnsweredThroughTheGroupOfAll) {
  const NdpFields to_all = {.type = 136,
                            .from = "2001:db8::2",
                            .to = "ff02::1",
                            .target = "2001:db8::2",
                            .flags = 0x20,
                            .mac = kOurMac,
                            .to_mac = {0x33, 0x33, 0, 0, 0, 1}};
  EXPECT_EQ(written([](std::byte* at) {
              return write_answer(at, kOurMac, ip<Ip6>("2001:db8::2"), kRouterMac, Ip6{});
            }),
            ndp_frame(to_all));
  EXPECT_EQ(written([](std::byte* at) {
              return write_announcement(at, kOurMac, ip<Ip6>("2001:db8::2"));
            }),
            ndp_frame(to_all));
}

TEST(Ndp, AQuestionIsRead) {
  const auto message = read_ndp(as_bytes(ndp_frame({})));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind, Kind::kQuestion);
  EXPECT_EQ(message->sender, ip<Ip6>("2001:db8::1"));
  EXPECT_EQ(message->target, ip<Ip6>("2001:db8::2"));
  EXPECT_EQ(message->mac, kRouterMac);
}

TEST(Ndp, AnAnswerIsReadWithItsFlags) {
  NdpFields fields = advertisement();
  auto message = read_ndp(as_bytes(ndp_frame(fields)));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind, Kind::kAnswer);
  EXPECT_EQ(message->target, ip<Ip6>("2001:db8::1"));
  EXPECT_EQ(message->mac, kRouterMac);
  EXPECT_TRUE(message->overrides);
  EXPECT_TRUE(message->solicited);
  fields.flags = 0;
  fields.with_option = false;
  message = read_ndp(as_bytes(ndp_frame(fields)));
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->overrides);
  EXPECT_FALSE(message->solicited);
  EXPECT_FALSE(message->mac.has_value());
}

TEST(Ndp, WhatCameThroughARouterIsNotBelieved) {
  EXPECT_FALSE(is_read(ndp_frame({.hop_limit = 254})));
}

TEST(Ndp, AWrongChecksumIsNotBelieved) {
  Bytes frame = ndp_frame({});
  frame.at(kIcmp + 20) ^= 1;
  EXPECT_FALSE(is_read(frame));
  EXPECT_TRUE(is_read(summed(frame)));
}

TEST(Ndp, ACodeOrAnotherTypeIsNotRead) {
  Bytes code = ndp_frame({});
  code.at(kIcmp + 1) = 1;
  EXPECT_FALSE(is_read(summed(code)));
  EXPECT_FALSE(is_read(ndp_frame({.type = 134})));
}

TEST(Ndp, AGroupIsNoTarget) { EXPECT_FALSE(is_read(ndp_frame({.target = "ff02::1"}))); }

TEST(Ndp, OptionsThatContradictThemselvesAreNotRead) {
  Bytes empty = ndp_frame({});
  empty.at(kIcmp + 25) = 0;
  EXPECT_FALSE(is_read(summed(empty)));
  Bytes long_one = ndp_frame({});
  long_one.at(kIcmp + 25) = 2;
  EXPECT_FALSE(is_read(summed(long_one)));
  EXPECT_FALSE(is_read(ndp_frame({.mac = {0x33, 0x33, 0, 0, 0, 1}})));
}

TEST(Ndp, OptionsOfOtherTypesAreReadOver) {
  Bytes frame = ndp_frame({});
  frame.at(kIcmp + 24) = 14;  // A nonce (RFC 3971).
  const auto message = read_ndp(as_bytes(summed(frame)));
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->mac.has_value());
}

TEST(Ndp, ATestForAFreeAddressComesToTheGroupAndWithoutAStation) {
  const NdpFields test = {.from = "::", .with_option = false};
  const auto message = read_ndp(as_bytes(ndp_frame(test)));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->sender, Ip6{});
  EXPECT_FALSE(is_read(ndp_frame({.from = "::"})));
  EXPECT_FALSE(is_read(ndp_frame({.from = "::", .to = "2001:db8::2", .with_option = false})));
}

TEST(Ndp, AnAnswerToAllCannotBeSolicited) {
  NdpFields fields = advertisement();
  fields.to = "ff02::1";
  EXPECT_FALSE(is_read(ndp_frame(fields)));
  fields.flags = 0x20;
  EXPECT_TRUE(is_read(ndp_frame(fields)));
}

TEST(Ndp, NoPrefixOfAFrameIsRead) {
  const Bytes good = ndp_frame({});
  ASSERT_TRUE(is_read(good));
  for (std::size_t size = 14; size < good.size(); ++size) {
    EXPECT_FALSE(is_read({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)})) << size;
  }
}

}  // namespace
