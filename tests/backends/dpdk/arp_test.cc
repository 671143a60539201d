// ARP frames against the layout of RFC 826.
#include "backends/dpdk/arp.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_test_device.h"

namespace {

using backends::dpdk::kNeighbourFrameMax;
using backends::dpdk::MacAddress;
using backends::dpdk::NeighbourMessage;
using backends::dpdk::read_arp;
using backends::dpdk::write_announcement;
using backends::dpdk::write_answer;
using backends::dpdk::write_question;
using backends::dpdk::splice_core::Ip4;
using tests::dpdk::arp_frame;
using tests::dpdk::as_bytes;
using tests::dpdk::Bytes;
using tests::dpdk::ip;
using tests::dpdk::kOurMac;
using tests::dpdk::kRouterMac;
using Kind = NeighbourMessage<Ip4>::Kind;

// What `write` makes of a frame that was not zeros before.
template <typename Write>
Bytes written(Write write) {
  std::array<std::byte, kNeighbourFrameMax> frame;
  frame.fill(std::byte{0xee});
  const std::uint32_t size = write(frame.data());
  Bytes bytes(size);
  std::memcpy(bytes.data(), frame.data(), size);
  return bytes;
}

TEST(Arp, AQuestionGoesToEverybody) {
  const Bytes frame = written([](std::byte* at) {
    return write_question(at, kOurMac, ip<Ip4>("10.1.0.2"), ip<Ip4>("10.1.0.1"), std::nullopt);
  });
  const Bytes expected = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 0,
                          1,    0x08, 0x06, 0,    1,    8,    0,  6, 4, 0, 1,  //
                          2,    0,    0,    0,    0,    1,    10, 1, 0, 2,     //
                          0,    0,    0,    0,    0,    0,    10, 1, 0, 1};
  EXPECT_EQ(frame, expected);
}

TEST(Arp, AQuestionToAKnownStationGoesOnlyThere) {
  const Bytes frame = written([](std::byte* at) {
    return write_question(at, kOurMac, ip<Ip4>("10.1.0.2"), ip<Ip4>("10.1.0.1"), kRouterMac);
  });
  EXPECT_EQ(frame, arp_frame({1, kOurMac, "10.1.0.2", "10.1.0.1", kRouterMac}));
}

TEST(Arp, AnAnswerNamesBothSides) {
  const Bytes frame = written([](std::byte* at) {
    return write_answer(at, kOurMac, ip<Ip4>("10.1.0.2"), kRouterMac, ip<Ip4>("10.1.0.1"));
  });
  const Bytes expected = {2, 0,    0,    0, 0, 0xaa, 2,  0, 0, 0, 0,
                          1, 0x08, 0x06, 0, 1, 8,    0,  6, 4, 0, 2,  //
                          2, 0,    0,    0, 0, 1,    10, 1, 0, 2,     //
                          2, 0,    0,    0, 0, 0xaa, 10, 1, 0, 1};
  EXPECT_EQ(frame, expected);
}

TEST(Arp, AnAnnouncementAsksEverybodyForOurselves) {
  const Bytes frame =
      written([](std::byte* at) { return write_announcement(at, kOurMac, ip<Ip4>("10.1.0.2")); });
  EXPECT_EQ(frame, arp_frame({.sender_mac = kOurMac, .sender = "10.1.0.2", .target = "10.1.0.2"}));
}

TEST(Arp, AQuestionIsRead) {
  const auto message = read_arp(as_bytes(arp_frame({})));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind, Kind::kQuestion);
  EXPECT_EQ(message->sender, ip<Ip4>("10.1.0.1"));
  EXPECT_EQ(message->target, ip<Ip4>("10.1.0.2"));
  EXPECT_EQ(message->mac, kRouterMac);
}

TEST(Arp, AnAnswerIsAboutItsSender) {
  const auto message = read_arp(as_bytes(arp_frame({.operation = 2, .to = kOurMac})));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->kind, Kind::kAnswer);
  EXPECT_EQ(message->target, ip<Ip4>("10.1.0.1"));
  EXPECT_EQ(message->mac, kRouterMac);
  EXPECT_TRUE(message->overrides);
}

TEST(Arp, WhatIsNotArpOfEthernetAndIp4IsNotRead) {
  const Bytes good = arp_frame({});
  ASSERT_TRUE(read_arp(as_bytes(good)).has_value());
  for (const std::size_t at : {14U, 15U, 16U, 17U, 18U, 19U, 20U, 21U}) {
    Bytes bad = good;
    bad.at(at) ^= 0x10;
    EXPECT_FALSE(read_arp(as_bytes(bad)).has_value()) << at;
  }
  for (std::size_t size = 14; size < good.size(); ++size) {
    const Bytes bad(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(read_arp(as_bytes(bad)).has_value()) << size;
  }
}

TEST(Arp, ASenderThatIsAGroupIsNotBelieved) {
  const MacAddress group = {0x01, 0, 0x5e, 0, 0, 1};
  EXPECT_FALSE(read_arp(as_bytes(arp_frame({.sender_mac = group}))).has_value());
  EXPECT_FALSE(read_arp(as_bytes(arp_frame({.sender_mac = MacAddress{}}))).has_value());
}

}  // namespace
