// Pings and their answers.
#include "backends/dpdk/echo.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_test_device.h"

namespace {

using backends::dpdk::answer_echo4;
using backends::dpdk::answer_echo6;
using backends::dpdk::Frame;
using backends::dpdk::is_echo_request4;
using backends::dpdk::is_echo_request6;
using tests::dpdk::as_bytes;
using tests::dpdk::Bytes;
using tests::dpdk::checksum_of;
using tests::dpdk::ethernet;
using tests::dpdk::joined;
using tests::dpdk::kOurMac;
using tests::dpdk::kRouterMac;
using tests::dpdk::TestDevice;

Bytes icmp4(std::uint8_t type) {
  Bytes message = {type, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g', '!'};
  tests::dpdk::put16(message, 2, checksum_of(message));
  return message;
}

Bytes ping4() {
  return joined({ethernet(kOurMac, kRouterMac, 0x0800),
                 tests::dpdk::ip4_packet("192.0.2.1", "10.1.0.2", 1, icmp4(8))});
}

Bytes echo6(const std::string& from, const std::string& to, std::uint8_t type) {
  return tests::dpdk::icmp6_packet(from, to, 64,
                                   {type, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g', '!'});
}

Bytes ping6() {
  return joined({ethernet(kOurMac, kRouterMac, 0x86dd), echo6("2001:db8::1", "2001:db8::2", 128)});
}

// The frame after the answer was written over it; nothing when none was.
template <typename Answer>
Bytes answered(const Bytes& bytes, Answer answer) {
  TestDevice device;
  const Frame frame = device.arrived(bytes);
  const bool done = answer(frame, kOurMac);
  Bytes after = TestDevice::copy_of(frame);
  device.free(std::span(&frame, 1));
  if (done) return after;
  EXPECT_EQ(after, bytes) << "a frame that is not answered stays as it was";
  return {};
}

TEST(Echo, AnIp4PingGoesBackWithTheSameContent) {
  Bytes packet = tests::dpdk::ip4_packet("10.1.0.2", "192.0.2.1", 1, icmp4(0));
  packet.at(8) = 64;
  packet.at(10) = packet.at(11) = 0;
  tests::dpdk::put16(packet, 10, checksum_of({packet.begin(), packet.begin() + 20}));
  EXPECT_EQ(answered(ping4(), answer_echo4),
            joined({ethernet(kRouterMac, kOurMac, 0x0800), packet}));
}

TEST(Echo, AnIp6PingGoesBackWithTheSameContent) {
  EXPECT_EQ(answered(ping6(), answer_echo6), joined({ethernet(kRouterMac, kOurMac, 0x86dd),
                                                     echo6("2001:db8::2", "2001:db8::1", 129)}));
}

TEST(Echo, PaddingBehindThePacketIsNoPartOfIt) {
  Bytes padded = ping4();
  padded.resize(padded.size() + 9, 0x55);
  EXPECT_FALSE(answered(padded, answer_echo4).empty());
}

TEST(Echo, AChangedByteIsNotAnswered) {
  const Bytes good4 = ping4();
  for (std::size_t at = 14; at < good4.size(); ++at) {
    Bytes bad = good4;
    bad.at(at) ^= 0x01;
    EXPECT_TRUE(answered(bad, answer_echo4).empty()) << at;
  }
  Bytes bad = ping6();
  bad.back() ^= 1;
  EXPECT_TRUE(answered(bad, answer_echo6).empty());
}

TEST(Echo, AFragmentIsNotAnswered) {
  Bytes packet = tests::dpdk::ip4_packet("192.0.2.1", "10.1.0.2", 1, icmp4(8));
  packet.at(6) = 0x20;
  packet.at(10) = packet.at(11) = 0;
  tests::dpdk::put16(packet, 10, checksum_of({packet.begin(), packet.begin() + 20}));
  EXPECT_TRUE(
      answered(joined({ethernet(kOurMac, kRouterMac, 0x0800), packet}), answer_echo4).empty());
}

TEST(Echo, NoPrefixOfAPingIsAnswered) {
  const Bytes good4 = ping4();
  for (std::size_t size = 0; size < good4.size(); ++size) {
    const Bytes bad(good4.begin(), good4.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(answered(bad, answer_echo4).empty()) << size;
  }
  const Bytes good6 = ping6();
  for (std::size_t size = 0; size < good6.size(); ++size) {
    const Bytes bad(good6.begin(), good6.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_TRUE(answered(bad, answer_echo6).empty()) << size;
  }
}

TEST(Echo, OnlyRequestsAreSeenAsRequests) {
  EXPECT_TRUE(is_echo_request4(as_bytes(ping4())));
  EXPECT_TRUE(is_echo_request6(as_bytes(ping6())));
  Bytes reply4 = ping4();
  reply4.at(34) = 0;
  EXPECT_FALSE(is_echo_request4(as_bytes(reply4)));
  Bytes tcp = ping4();
  tcp.at(23) = 6;
  EXPECT_FALSE(is_echo_request4(as_bytes(tcp)));
  Bytes with_options = ping4();
  with_options.at(14) = 0x46;
  EXPECT_FALSE(is_echo_request4(as_bytes(with_options)));
  Bytes reply6 = ping6();
  reply6.at(54) = 129;
  EXPECT_FALSE(is_echo_request6(as_bytes(reply6)));
  EXPECT_FALSE(is_echo_request4({}));
  EXPECT_FALSE(is_echo_request6({}));
}

}  // namespace
