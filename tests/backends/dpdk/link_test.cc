// What becomes of the frames that arrive on one port.
#include "backends/dpdk/link.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_fixture.h"

namespace {

using backends::dpdk::Arrival;
using backends::dpdk::Frame;
using backends::dpdk::kEchoAnswersPerSecond;
using backends::dpdk::kNeighbourAnswersPerSecond;
using backends::dpdk::kStationsMax;
using backends::dpdk::LinkDrop;
using backends::dpdk::MacAddress;
using backends::dpdk::splice_core::Hop;
using tests::dpdk::arp_frame;
using tests::dpdk::Bytes;
using tests::dpdk::ethernet;
using tests::dpdk::joined;
using tests::dpdk::kIcmp6;
using tests::dpdk::kOtherMac;
using tests::dpdk::kOurMac;
using tests::dpdk::kRouterMac;
using tests::dpdk::LinkTest;
using tests::dpdk::ndp_frame;
using tests::dpdk::padded;
using tests::dpdk::ping4;
using tests::dpdk::ping6;
using tests::dpdk::tcp4;
using tests::dpdk::tcp6;
using tests::dpdk::TestDevice;

TEST_F(LinkTest, APacketComesWithTheHopOfItsStation) {
  const Hop router = hop_from(tcp4(kRouterMac));
  const Hop other = hop_from(tcp6(kOtherMac));
  EXPECT_NE(router, other);
  EXPECT_EQ(hop_from(tcp6(kRouterMac)), router);
  EXPECT_EQ(hop_from(tcp6(kRouterMac)), router);
  EXPECT_EQ(hop_from(tcp4(kOtherMac)), other);
  EXPECT_EQ(link_.stats().stations, 2U);
}

TEST_F(LinkTest, AHeaderIsWrittenForTheFamilyOfThePacket) {
  const Hop router = hop_from(tcp4(kRouterMac));
  for (const Bytes& bytes : {tcp4(kOtherMac), tcp6(kOtherMac)}) {
    Bytes expected = bytes;
    const Frame frame = device_.arrived(bytes);
    std::memset(frame.data, 0, 14);
    link_.write_header(frame, router);
    std::copy(kRouterMac.begin(), kRouterMac.end(), expected.begin());
    std::copy(kOurMac.begin(), kOurMac.end(), expected.begin() + 6);
    EXPECT_EQ(TestDevice::copy_of(frame), expected);
    device_.free(std::span(&frame, 1));
  }
}

TEST_F(LinkTest, WhatIsNotForUsIsDroppedWithItsReason) {
  Bytes other_station = tcp4(kRouterMac);
  other_station.at(5) = 0x77;
  expect_dropped(other_station, LinkDrop::kOtherStation);
  Bytes broadcast = tcp4(kRouterMac);
  std::fill(broadcast.begin(), broadcast.begin() + 6, 0xff);
  expect_dropped(broadcast, LinkDrop::kOtherStation);
  expect_dropped(tcp4(kRouterMac, "10.1.0.3"), LinkDrop::kNotForUs);
  expect_dropped(tcp6(kRouterMac, "2001:db8::3"), LinkDrop::kNotForUs);
  expect_dropped(tcp4(kRouterMac, "10.9.0.2"), LinkDrop::kNotForUs);  // That of another port.
  expect_dropped(joined({ethernet(kOurMac, kRouterMac, 0x8100), Bytes(46)}),
                 LinkDrop::kUnknownType);
  expect_dropped(ping4("10.1.0.3"), LinkDrop::kNotForUs);
  EXPECT_EQ(link_.stats().stations, 0U) << "none of them was worth remembering";
}

TEST_F(LinkTest, ASourceThatCannotBeOneIsDropped) {
  expect_dropped(tcp4(kOurMac), LinkDrop::kBadSource);
  expect_dropped(tcp4(MacAddress{}), LinkDrop::kBadSource);
  expect_dropped(tcp6({0x33, 0x33, 0, 0, 0, 1}), LinkDrop::kBadSource);
  expect_dropped(arp_frame({.sender_mac = kOurMac, .sender = "10.1.0.2"}), LinkDrop::kBadSource);
}

TEST_F(LinkTest, EveryShortFrameIsDroppedOrTheCores) {
  for (const Bytes& whole :
       {tcp4(kRouterMac), tcp6(kRouterMac), ping4(), ping6(), arp_frame({}), ndp_frame({})}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(show({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}).arrival,
                Arrival::kTaken);
    }
  }
  expect_dropped(Bytes(13, 2), LinkDrop::kShort);
}

TEST_F(LinkTest, WhenAllStationsAreTakenANewOneIsRefusedAndTheOldGoOn) {
  const Hop router = hop_from(tcp4(kRouterMac));
  for (std::size_t number = 1; number < kStationsMax; ++number) {
    hop_from(tcp4(
        {4, 0, 0, 0, static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)}));
  }
  expect_dropped(tcp4(kOtherMac), LinkDrop::kStationsFull);
  EXPECT_EQ(hop_from(tcp4(kRouterMac)), router);
}

TEST_F(LinkTest, AnArpQuestionForOurAddressIsAnswered) {
  EXPECT_EQ(show(arp_frame({})).arrival, Arrival::kTaken);
  ASSERT_EQ(device_.sent.size(), 1U);
  Bytes expected = arp_frame({.operation = 2,
                              .sender_mac = kOurMac,
                              .sender = "10.1.0.2",
                              .target = "10.1.0.1",
                              .to = kRouterMac});
  std::copy(kRouterMac.begin(), kRouterMac.end(), expected.begin() + 32);
  EXPECT_EQ(device_.sent[0], padded(expected));
  EXPECT_EQ(link_.stats().questions_answered, 1U);
}

TEST_F(LinkTest, AQuestionForAnotherIsHeardAndNotAnswered) {
  EXPECT_EQ(show(arp_frame({.target = "10.1.0.3"})).arrival, Arrival::kFree);
  EXPECT_EQ(show(arp_frame({.target = "10.9.0.2"})).arrival, Arrival::kFree);
  EXPECT_EQ(show(ndp_frame({.target = "2001:db8::3"})).arrival, Arrival::kFree);
  EXPECT_TRUE(device_.sent.empty());
}

TEST_F(LinkTest, ASolicitationForOurAddressIsAnswered) {
  EXPECT_EQ(show(ndp_frame({})).arrival, Arrival::kTaken);
  EXPECT_EQ(device_.take_sent(), std::vector<Bytes>{ndp_frame({.type = 136,
                                                               .from = "2001:db8::2",
                                                               .to = "2001:db8::1",
                                                               .target = "2001:db8::2",
                                                               .flags = 0x60,
                                                               .mac = kOurMac,
                                                               .to_mac = kRouterMac})});
}

TEST_F(LinkTest, WhoTestsWhetherOurAddressIsFreeIsTold) {
  EXPECT_EQ(show(ndp_frame({.from = "::", .with_option = false})).arrival, Arrival::kTaken);
  EXPECT_EQ(show(arp_frame({.sender = "0.0.0.0"})).arrival, Arrival::kTaken);
  EXPECT_EQ(link_.stats().conflicts, 0U);
  device_.sent.clear();
}

TEST_F(LinkTest, WhoClaimsOurAddressIsCounted) {
  EXPECT_EQ(show(arp_frame({.sender = "10.1.0.2"})).arrival, Arrival::kFree);
  EXPECT_EQ(show(ndp_frame({.type = 136, .target = "2001:db8::2", .flags = 0x20})).arrival,
            Arrival::kFree);
  EXPECT_EQ(link_.stats().conflicts, 2U);
  EXPECT_TRUE(device_.sent.empty());
}

TEST_F(LinkTest, AnswersAreLimited) {
  for (std::uint32_t count = 0; count < kNeighbourAnswersPerSecond / 10; ++count) {
    EXPECT_EQ(show(arp_frame({})).arrival, Arrival::kTaken);
  }
  device_.sent.clear();
  expect_dropped(arp_frame({}), LinkDrop::kAnswerLimited);
  now_ += std::chrono::seconds(1);
  EXPECT_EQ(show(arp_frame({})).arrival, Arrival::kTaken);
}

TEST_F(LinkTest, MessagesThatContradictThemselvesAreDropped) {
  Bytes arp = arp_frame({});
  arp.at(18) = 8;
  expect_dropped(arp, LinkDrop::kBadMessage);
  expect_dropped(ndp_frame({.hop_limit = 64}), LinkDrop::kBadMessage);
  Bytes ping = ping4();
  ping.back() ^= 1;
  expect_dropped(ping, LinkDrop::kBadMessage);
}

TEST_F(LinkTest, RouterAdvertisementsAndMembershipAreNotOursToHandle) {
  expect_dropped(ndp_frame({.type = 134}), LinkDrop::kNotHandled);
  expect_dropped(ndp_frame({.type = 143}), LinkDrop::kNotHandled);
}

TEST_F(LinkTest, IcmpErrorsAreTheCores) {
  hop_from(joined({ethernet(kOurMac, kRouterMac, 0x0800),
                   tests::dpdk::ip4_packet("192.0.2.1", "10.1.0.2", 1, {3, 4, 0, 0, 0, 0, 5, 0})}));
  hop_from(joined({ethernet(kOurMac, kRouterMac, 0x86dd),
                   tests::dpdk::ip6_packet("2001:db8:1::1", "2001:db8::2", kIcmp6, 60,
                                           {2, 0, 0, 0, 0, 0, 5, 0})}));
}

TEST_F(LinkTest, PingsAreAnsweredUpToALimit) {
  EXPECT_EQ(show(ping6()).arrival, Arrival::kTaken);
  for (std::uint32_t count = 1; count < kEchoAnswersPerSecond / 10; ++count) {
    EXPECT_EQ(show(ping4()).arrival, Arrival::kTaken);
  }
  EXPECT_EQ(device_.take_sent().size(), kEchoAnswersPerSecond / 10);
  EXPECT_EQ(link_.stats().echoes_answered, kEchoAnswersPerSecond / 10);
  expect_dropped(ping4(), LinkDrop::kEchoLimited);
}

}  // namespace
