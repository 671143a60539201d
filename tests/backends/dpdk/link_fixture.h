// A Link on a test device with one address of each family and their gateways.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "backends/dpdk/ethernet.h"
#include "backends/dpdk/link.h"
#include "tests/backends/dpdk/link_test_device.h"

namespace tests::dpdk {

using backends::dpdk::Arrival;
using backends::dpdk::kAnnounceAgain;
using backends::dpdk::kAnnounceTimes;
using backends::dpdk::Link;
using backends::dpdk::LinkDrop;
using backends::dpdk::LinkOptions;
using backends::dpdk::PortAddress;
using backends::dpdk::splice_core::Hop;
using base::Nanos;

inline constexpr std::uint8_t kTcp = 6;
inline constexpr std::uint8_t kIcmp6 = 58;

inline Bytes tcp4(const MacAddress& from, const std::string& to = "10.1.0.2") {
  return joined({ethernet(kOurMac, from, 0x0800), ip4_packet("192.0.2.1", to, kTcp, Bytes(20))});
}
inline Bytes tcp6(const MacAddress& from, const std::string& to = "2001:db8::2") {
  return joined(
      {ethernet(kOurMac, from, 0x86dd), ip6_packet("2001:db8:1::1", to, kTcp, 60, Bytes(20))});
}
inline Bytes ping4(const std::string& to = "10.1.0.2") {
  Bytes message = {8, 0, 0, 0, 0, 1, 0, 1};
  put16(message, 2, checksum_of(message));
  return joined({ethernet(kOurMac, kRouterMac, 0x0800), ip4_packet("192.0.2.1", to, 1, message)});
}
inline Bytes ping6() {
  return joined({ethernet(kOurMac, kRouterMac, 0x86dd),
                 icmp6_packet("2001:db8:1::1", "2001:db8::2", 60, {128, 0, 0, 0, 0, 1, 0, 1})});
}

// As the device pads them.
inline Bytes padded(Bytes frame) {
  if (frame.size() < 60) frame.resize(60, 0);
  return frame;
}

// What classify() says of one frame.
struct Classified {
  Arrival arrival = Arrival::kFree;
  backends::dpdk::splice_core::Packet packet;
};

class LinkTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(device_.held, 0) << "frames were lost or given back twice"; }

  // Shows the link a frame and frees it when that is the caller's part.
  Classified show(const Bytes& bytes) {
    const Frame frame = device_.arrived(bytes);
    Classified result;
    result.arrival = link_.classify(frame, now_, result.packet);
    if (result.arrival == Arrival::kPacket) {
      EXPECT_EQ(result.packet.data, frame.data + 14);
      EXPECT_EQ(result.packet.size, frame.size - 14);
      EXPECT_EQ(result.packet.room, frame.room - 14);
    }
    if (result.arrival != Arrival::kTaken) device_.free(std::span(&frame, 1));
    return result;
  }
  Hop hop_from(const Bytes& bytes) {
    const Classified result = show(bytes);
    EXPECT_EQ(result.arrival, Arrival::kPacket);
    return result.packet.hop;
  }
  std::uint64_t dropped(LinkDrop reason) const {
    return link_.stats().dropped.at(static_cast<std::size_t>(reason));
  }
  // Exactly this reason, exactly once.
  void expect_dropped(const Bytes& bytes, LinkDrop reason) {
    const auto before = link_.stats().dropped;
    EXPECT_EQ(show(bytes).arrival, Arrival::kFree);
    auto after = link_.stats().dropped;
    --after.at(static_cast<std::size_t>(reason));
    EXPECT_EQ(after, before) << name_of(reason);
    EXPECT_TRUE(device_.sent.empty());
  }
  void pass(Nanos time) {
    now_ += time;
    link_.tick(now_);
  }
  // Past the announcements and the first questions for the gateways, which are thrown away.
  void settle() {
    for (int count = 0; count < kAnnounceTimes; ++count) pass(kAnnounceAgain);
    device_.sent.clear();
  }
  void answer_arp(const std::string& who, const MacAddress& mac) {
    show(arp_frame(
        {.operation = 2, .sender_mac = mac, .sender = who, .target = "10.1.0.2", .to = kOurMac}));
  }
  // What the Ethernet header of a packet to this hop says.
  MacAddress leads_to(Hop hop) {
    const Frame frame = device_.arrived(tcp4(kOtherMac));
    link_.write_header(frame, hop);
    const MacAddress mac = backends::dpdk::read_ethernet(frame.data).destination;
    device_.free(std::span(&frame, 1));
    return mac;
  }

  TestDevice device_;
  Nanos now_ = std::chrono::hours(1);
  const std::vector<PortAddress> addresses_ = {own("10.1.0.2", 24, "10.1.0.1"),
                                               own("2001:db8::2", 64, "2001:db8::1"),
                                               own("10.9.0.2", 24, "10.9.0.1", 1)};
  Link link_{device_, LinkOptions{.port = 0, .addresses = addresses_, .announces = true, .seed = 1},
             now_};
};

}  // namespace tests::dpdk
