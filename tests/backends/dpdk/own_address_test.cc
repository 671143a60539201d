// The addresses that are ours.
#include "backends/dpdk/own_address.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_test_device.h"

namespace {

using backends::dpdk::OwnAddresses;
using backends::dpdk::PortAddress;
using backends::dpdk::same_prefix;
using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;
using tests::dpdk::ip;
using tests::dpdk::own;

TEST(OwnAddress, PrefixesAreComparedToTheBit) {
  EXPECT_TRUE(same_prefix(ip<Ip4>("10.1.0.2"), ip<Ip4>("10.1.0.200"), 24));
  EXPECT_FALSE(same_prefix(ip<Ip4>("10.1.0.2"), ip<Ip4>("10.1.1.2"), 24));
  EXPECT_TRUE(same_prefix(ip<Ip4>("10.1.0.2"), ip<Ip4>("10.1.1.2"), 23));
  EXPECT_FALSE(same_prefix(ip<Ip4>("10.1.0.2"), ip<Ip4>("10.1.0.3"), 32));
  EXPECT_TRUE(same_prefix(ip<Ip4>("10.1.0.2"), ip<Ip4>("10.1.0.3"), 31));
  EXPECT_TRUE(same_prefix(ip<Ip4>("10.1.0.2"), ip<Ip4>("200.1.0.3"), 0));
  EXPECT_TRUE(same_prefix(ip<Ip6>("2001:db8::1"), ip<Ip6>("2001:db8::ffff"), 112));
  EXPECT_FALSE(same_prefix(ip<Ip6>("2001:db8::1"), ip<Ip6>("2001:db8::1:1"), 112));
  EXPECT_FALSE(same_prefix(ip<Ip6>("2001:db8::1"), ip<Ip6>("2001:db8::2"), 128));
}

TEST(OwnAddress, OnlyThoseOfTheFamilyAndThePortAreTaken) {
  const std::vector<PortAddress> configured = {own("10.1.0.9", 24), own("10.1.0.2", 24, "10.1.0.1"),
                                               own("2001:db8::2", 64), own("10.2.0.2", 24, "", 1)};
  const OwnAddresses<Ip4> all(configured);
  const OwnAddresses<Ip4> first_port(configured, 0);
  const OwnAddresses<Ip6> v6(configured);
  EXPECT_EQ(all.all().size(), 3U);
  EXPECT_EQ(v6.all().size(), 1U);
  EXPECT_TRUE(all.contains(ip<Ip4>("10.2.0.2")));
  EXPECT_FALSE(first_port.contains(ip<Ip4>("10.2.0.2")));
  EXPECT_TRUE(first_port.contains(ip<Ip4>("10.1.0.9")));
  EXPECT_TRUE(first_port.contains(ip<Ip4>("10.1.0.2")));
  EXPECT_FALSE(first_port.contains(ip<Ip4>("10.1.0.1"))) << "a gateway is not ours";
  EXPECT_TRUE(v6.contains(ip<Ip6>("2001:db8::2")));
  EXPECT_FALSE(v6.contains(ip<Ip6>("2001:db8::3")));
  EXPECT_FALSE(first_port.all()[0].has_gateway());
  EXPECT_TRUE(first_port.all()[1].has_gateway());
}

TEST(OwnAddressDeathTest, APrefixLongerThanItsAddressIsAProgrammersError) {
  const std::vector<PortAddress> configured = {own("10.1.0.2", 33)};
  EXPECT_DEATH(OwnAddresses<Ip4>{configured}, "prefix_bits");
}

}  // namespace
