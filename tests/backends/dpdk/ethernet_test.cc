// Ethernet headers against the bytes of IEEE 802.3.
#include "backends/dpdk/ethernet.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_test_device.h"

namespace {

using backends::dpdk::EthernetHeader;
using backends::dpdk::Frame;
using backends::dpdk::is_station;
using backends::dpdk::kEthernetFrameMin;
using backends::dpdk::kEthernetHeaderBytes;
using backends::dpdk::kEtherTypeIp6;
using backends::dpdk::kMacBroadcast;
using backends::dpdk::mac_key;
using backends::dpdk::MacAddress;
using backends::dpdk::pad_frame;
using backends::dpdk::read_ethernet;
using backends::dpdk::write_ethernet;
using tests::dpdk::Bytes;
using tests::dpdk::kOtherMac;
using tests::dpdk::kOurMac;
using tests::dpdk::TestDevice;

TEST(Ethernet, TheHeaderIsDestinationThenSourceThenType) {
  std::array<std::byte, kEthernetHeaderBytes> frame{};
  write_ethernet(frame.data(), {kOtherMac, kOurMac, kEtherTypeIp6});
  const Bytes expected = {2, 0, 0, 0, 0, 0xbb, 2, 0, 0, 0, 0, 1, 0x86, 0xdd};
  EXPECT_EQ(std::memcmp(frame.data(), expected.data(), expected.size()), 0);
  EXPECT_EQ(read_ethernet(frame.data()), (EthernetHeader{kOtherMac, kOurMac, kEtherTypeIp6}));
}

TEST(Ethernet, AKeyTellsAddressesApartByAnyByte) {
  for (std::size_t at = 0; at < kOurMac.size(); ++at) {
    MacAddress other = kOurMac;
    other.at(at) ^= 0x80;
    EXPECT_NE(mac_key(other), mac_key(kOurMac)) << at;
  }
  EXPECT_EQ(mac_key(MacAddress{}), 0U);
}

TEST(Ethernet, GroupsAndZeroAreNoStations) {
  EXPECT_TRUE(is_station(kOurMac));
  EXPECT_FALSE(is_station(kMacBroadcast));
  EXPECT_FALSE(is_station({0x33, 0x33, 0, 0, 0, 1}));
  EXPECT_FALSE(is_station(MacAddress{}));
}

TEST(Ethernet, AShortFrameIsFilledWithZerosAndALongOneStays) {
  TestDevice device;
  Frame frame = device.arrived(Bytes(42, 7));
  pad_frame(frame);
  Bytes expected(42, 7);
  expected.resize(kEthernetFrameMin, 0);
  EXPECT_EQ(TestDevice::copy_of(frame), expected);
  frame.size = 61;
  pad_frame(frame);
  EXPECT_EQ(frame.size, 61U);
  frame.size = 42;
  frame.room = 50;
  pad_frame(frame);
  EXPECT_EQ(frame.size, 50U);
  device.free(std::span(&frame, 1));
}

}  // namespace
