// What the link layer says by itself, and how it follows its neighbours.
#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_fixture.h"

namespace {

using backends::dpdk::is_neighbour_message;
using backends::dpdk::kAnnounceAgain;
using backends::dpdk::kAnnouncementsPerTick;
using backends::dpdk::kAnnounceTimes;
using backends::dpdk::kAskAgain;
using backends::dpdk::kAskTimes;
using backends::dpdk::kLinkTick;
using backends::dpdk::kSureFor;
using backends::dpdk::Link;
using backends::dpdk::LinkOptions;
using backends::dpdk::Reach;
using backends::dpdk::splice_core::Hop;
using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;
using base::Nanos;
using tests::dpdk::arp_frame;
using tests::dpdk::as_bytes;
using tests::dpdk::Bytes;
using tests::dpdk::ethernet;
using tests::dpdk::ip;
using tests::dpdk::kOtherMac;
using tests::dpdk::kOurMac;
using tests::dpdk::kRouterMac;
using tests::dpdk::LinkTest;
using tests::dpdk::ndp_frame;
using tests::dpdk::own;
using tests::dpdk::padded;
using tests::dpdk::ping6;
using tests::dpdk::tcp4;
using tests::dpdk::TestDevice;

TEST_F(LinkTest, AtTheStartOurAddressesAreAnnouncedAndTheGatewaysAskedFor) {
  pass(Nanos(0));
  EXPECT_EQ(
      device_.take_sent(),
      (std::vector{
          padded(arp_frame({.sender_mac = kOurMac, .sender = "10.1.0.2"})),
          ndp_frame({.type = 136,
                     .from = "2001:db8::2",
                     .to = "ff02::1",
                     .target = "2001:db8::2",
                     .flags = 0x20,
                     .mac = kOurMac,
                     .to_mac = {0x33, 0x33, 0, 0, 0, 1}}),
          padded(arp_frame({.sender_mac = kOurMac, .sender = "10.1.0.2", .target = "10.1.0.1"})),
          ndp_frame({.from = "2001:db8::2",
                     .to = "ff02::1:ff00:1",
                     .target = "2001:db8::1",
                     .mac = kOurMac,
                     .to_mac = {0x33, 0x33, 0xff, 0, 0, 1}})}));
}

TEST_F(LinkTest, AnnouncementsAreRepeatedAndThenEnd) {
  for (int count = 0; count < kAnnounceTimes * 3; ++count) pass(kAnnounceAgain);
  EXPECT_EQ(link_.stats().announced, static_cast<std::uint64_t>(kAnnounceTimes) * 2);
  device_.sent.clear();
}

TEST_F(LinkTest, AfterTheLinkWasDownWeAnnounceAgainAndDoubtOurNeighbours) {
  pass(Nanos(0));
  answer_arp("10.1.0.1", kRouterMac);
  settle();
  const std::uint64_t announced = link_.stats().announced;
  device_.up = false;
  pass(kLinkTick);
  EXPECT_EQ(link_.stats().link_downs, 1U);
  EXPECT_EQ(link_.hop_to(ip<Ip4>("10.1.0.1"), now_).reach, Reach::kKnown);
  device_.sent.clear();
  device_.up = true;
  pass(kLinkTick);
  EXPECT_EQ(link_.stats().announced, announced + 2);
  const Bytes confirming = padded(arp_frame(
      {.sender_mac = kOurMac, .sender = "10.1.0.2", .target = "10.1.0.1", .to = kRouterMac}));
  const auto sent = device_.take_sent();
  EXPECT_NE(std::find(sent.begin(), sent.end(), confirming), sent.end());
}

TEST_F(LinkTest, AnEndpointOnTheLinkIsAskedForAndThenKnown) {
  settle();
  EXPECT_EQ(link_.hop_to(ip<Ip4>("10.1.0.7"), now_).reach, Reach::kPending);
  EXPECT_EQ(device_.take_sent(),
            std::vector<Bytes>{padded(
                arp_frame({.sender_mac = kOurMac, .sender = "10.1.0.2", .target = "10.1.0.7"}))});
  answer_arp("10.1.0.7", kOtherMac);
  const auto next = link_.hop_to(ip<Ip4>("10.1.0.7"), now_);
  EXPECT_EQ(next.reach, Reach::kKnown);
  EXPECT_EQ(leads_to(next.hop), kOtherMac);
  EXPECT_EQ(hop_from(tcp4(kOtherMac)), next.hop) << "one station, one hop";
}

TEST_F(LinkTest, AnIp6EndpointOnTheLinkIsAskedForAndThenKnown) {
  settle();
  EXPECT_EQ(link_.hop_to(ip<Ip6>("2001:db8::7"), now_).reach, Reach::kPending);
  EXPECT_EQ(device_.take_sent().size(), 1U);
  show(ndp_frame({.type = 136,
                  .from = "2001:db8::7",
                  .to = "2001:db8::2",
                  .target = "2001:db8::7",
                  .flags = 0x60,
                  .mac = kOtherMac,
                  .to_mac = kOurMac}));
  const auto next = link_.hop_to(ip<Ip6>("2001:db8::7"), now_);
  EXPECT_EQ(next.reach, Reach::kKnown);
  EXPECT_EQ(leads_to(next.hop), kOtherMac);
}

TEST_F(LinkTest, AnAnswerWithoutAStationConfirmsTheOneWeAsked) {
  pass(Nanos(0));
  show(ndp_frame({.mac = kRouterMac}));  // The gateway asks for us, so we know where it is.
  settle();
  pass(kSureFor);
  device_.sent.clear();
  show(ndp_frame({.type = 136,
                  .to = "2001:db8::2",
                  .target = "2001:db8::1",
                  .flags = 0x40,
                  .to_mac = kOurMac,
                  .with_option = false}));
  pass(kAskAgain);
  const auto sent = device_.take_sent();
  EXPECT_TRUE(std::none_of(sent.begin(), sent.end(), [](const Bytes& frame) {
    return frame.at(12) == 0x86;  // An IPv6 frame: we would have asked again.
  }));
}

TEST_F(LinkTest, WithoutABufferAQuestionIsCountedAndAskedLater) {
  settle();
  device_.empty = true;
  EXPECT_EQ(link_.hop_to(ip<Ip4>("10.1.0.7"), now_).reach, Reach::kPending);
  const std::uint64_t lacking = link_.stats().questions_lacking;
  EXPECT_GE(lacking, 1U);
  device_.empty = false;
  pass(kAskAgain);
  const auto sent = device_.take_sent();
  const Bytes question =
      padded(arp_frame({.sender_mac = kOurMac, .sender = "10.1.0.2", .target = "10.1.0.7"}));
  EXPECT_NE(std::find(sent.begin(), sent.end(), question), sent.end());
}

TEST_F(LinkTest, WithoutABufferAnnouncementsWaitForOne) {
  device_.empty = true;
  pass(Nanos(0));
  EXPECT_EQ(link_.stats().announced, 0U);
  device_.empty = false;
  pass(kLinkTick);
  EXPECT_EQ(link_.stats().announced, 2U);
  device_.sent.clear();
}

TEST_F(LinkTest, PairsBehindAGatewayFollowItToAnotherStation) {
  pass(Nanos(0));
  answer_arp("10.1.0.1", kRouterMac);
  const Hop behind_router = hop_from(tcp4(kRouterMac));
  show(arp_frame({.sender_mac = kOtherMac, .sender = "10.1.0.1", .target = "10.1.0.1"}));
  EXPECT_EQ(link_.stats().gateway_moves, 1U);
  EXPECT_EQ(leads_to(behind_router), kOtherMac);
  EXPECT_EQ(leads_to(link_.hop_to(ip<Ip4>("10.1.0.1"), now_).hop), kOtherMac);
  EXPECT_EQ(leads_to(hop_from(tcp4(kRouterMac))), kRouterMac) << "it is a station like any other";
}

TEST_F(LinkTest, PairsStayWithARouterThatIsStillTheGatewayOfTheOtherFamily) {
  pass(Nanos(0));
  answer_arp("10.1.0.1", kRouterMac);
  show(ndp_frame({.mac = kRouterMac}));
  device_.sent.clear();
  const Hop behind_router = hop_from(tcp4(kRouterMac));
  show(arp_frame({.sender_mac = kOtherMac, .sender = "10.1.0.1", .target = "10.1.0.1"}));
  EXPECT_EQ(leads_to(behind_router), kRouterMac);
  show(ndp_frame({.mac = kOtherMac}));
  EXPECT_EQ(leads_to(behind_router), kOtherMac);
}

TEST_F(LinkTest, AnEndpointThatMovesTakesNobodyElseWithIt) {
  settle();
  link_.hop_to(ip<Ip4>("10.1.0.7"), now_);
  answer_arp("10.1.0.7", kRouterMac);
  const Hop before = hop_from(tcp4(kRouterMac));
  answer_arp("10.1.0.7", kOtherMac);
  EXPECT_EQ(leads_to(before), kRouterMac);
  EXPECT_EQ(leads_to(link_.hop_to(ip<Ip4>("10.1.0.7"), now_).hop), kOtherMac);
}

TEST_F(LinkTest, WhatAnotherWorkerWasToldIsLearntAndNotAnswered) {
  settle();
  const Bytes question = arp_frame({.sender_mac = kRouterMac});
  ASSERT_TRUE(is_neighbour_message(as_bytes(question)));
  link_.overhear(as_bytes(question), now_);
  EXPECT_EQ(leads_to(link_.hop_to(ip<Ip4>("10.1.0.1"), now_).hop), kRouterMac);
  const Bytes solicitation = ndp_frame({.mac = kOtherMac});
  ASSERT_TRUE(is_neighbour_message(as_bytes(solicitation)));
  link_.overhear(as_bytes(solicitation), now_);
  EXPECT_EQ(leads_to(link_.hop_to(ip<Ip6>("2001:db8::1"), now_).hop), kOtherMac);
  link_.overhear(as_bytes(tcp4(kRouterMac)), now_);
  EXPECT_TRUE(device_.sent.empty());
}

TEST_F(LinkTest, OnlyNeighbourMessagesAreShownToOtherWorkers) {
  EXPECT_FALSE(is_neighbour_message(as_bytes(tcp4(kRouterMac))));
  EXPECT_FALSE(is_neighbour_message(as_bytes(ping6())));
  EXPECT_FALSE(is_neighbour_message(as_bytes(ndp_frame({.type = 134}))));
  EXPECT_FALSE(is_neighbour_message(as_bytes(ethernet(kOurMac, kRouterMac, 0x86dd))));
}

TEST(Link, OneThatDoesNotAnnounceStillAsksForItsGateways) {
  TestDevice device;
  Link link(device,
            LinkOptions{.port = 2,
                        .addresses = {own("10.1.0.2", 24, "10.1.0.1", 2)},
                        .announces = false,
                        .seed = 1},
            Nanos(0));
  link.tick(Nanos(0));
  EXPECT_EQ(link.stats().announced, 0U);
  EXPECT_EQ(link.stats().questions_sent, 1U);
}

TEST(Link, ManyAddressesAreAnnouncedInPortions) {
  TestDevice device;
  LinkOptions options;
  const int count = kAnnouncementsPerTick + 5;
  for (int number = 1; number <= count; ++number) {
    options.addresses.push_back(own("10.1.0." + std::to_string(number), 24));
  }
  Link link(device, options, Nanos(0));
  Nanos now(0);
  link.tick(now);
  EXPECT_EQ(device.take_sent().size(), static_cast<std::size_t>(kAnnouncementsPerTick));
  link.tick(now += kLinkTick);
  EXPECT_EQ(device.take_sent().size(), 5U);
  link.tick(now += kLinkTick);
  EXPECT_TRUE(device.take_sent().empty()) << "the second round is later";
}

TEST(Link, AGatewayOutsideOfEverySubnetIsAskedForByTheAddressThatHasIt) {
  TestDevice device;
  Link link(device,
            LinkOptions{.port = 0,
                        .addresses = {own("10.1.0.2", 24), own("2001:db8::2", 128, "fe80::1")},
                        .announces = false,
                        .seed = 1},
            Nanos(0));
  link.tick(Nanos(0));
  ASSERT_EQ(device.sent.size(), 1U);
  const Bytes source(device.sent[0].begin() + 22, device.sent[0].begin() + 38);
  EXPECT_EQ(source, tests::dpdk::ip_bytes("2001:db8::2"));
}

TEST(Link, AnAddressThatNoneOfOursCanAskForIsUnreachableInTheEnd) {
  TestDevice device;
  Link link(device, LinkOptions{.port = 0, .addresses = {own("10.1.0.2", 24)}}, Nanos(0));
  const auto stranger = ip<Ip4>("192.0.2.1");
  EXPECT_EQ(link.hop_to(stranger, Nanos(0)).reach, Reach::kPending);
  Nanos now(0);
  for (int count = 0; count < kAskTimes; ++count) link.tick(now += kAskAgain);
  EXPECT_EQ(link.hop_to(stranger, now).reach, Reach::kUnreachable);
  EXPECT_EQ(link.stats().questions_lacking, static_cast<std::uint64_t>(kAskTimes));
  EXPECT_EQ(link.stats().unanswered, 1U);
}

}  // namespace
