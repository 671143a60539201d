#include "backends/dpdk/address_claims.h"

#include <gtest/gtest.h>

namespace backends::dpdk {
namespace {

base::Address address(const char* text) { return base::parse_address(text).value(); }

AddressClaims two_addresses() {
  return AddressClaims({address("10.0.0.1:0").ip, address("[2001:db8::1]:0").ip});
}

TEST(AddressClaims, AnAddressIsTakenUntilItIsGivenBack) {
  AddressClaims claims = two_addresses();
  EXPECT_EQ(claims.claim(address("10.0.0.1:80")).value(), address("10.0.0.1:80"));
  EXPECT_EQ(claims.claim(address("10.0.0.1:80")).error(), base::to_errno(EADDRINUSE));
  EXPECT_TRUE(claims.claim(address("10.0.0.1:81")).has_value());
  claims.disclaim(address("10.0.0.1:80"));
  EXPECT_TRUE(claims.claim(address("10.0.0.1:80")).has_value());
}

TEST(AddressClaims, AWildcardTakesThePortOfEveryAddressOfItsFamily) {
  AddressClaims claims = two_addresses();
  EXPECT_TRUE(claims.claim(address("0.0.0.0:80")).has_value());
  EXPECT_EQ(claims.claim(address("10.0.0.1:80")).error(), base::to_errno(EADDRINUSE));
  EXPECT_TRUE(claims.claim(address("[2001:db8::1]:80")).has_value());
  EXPECT_EQ(claims.claim(address("[::]:80")).error(), base::to_errno(EADDRINUSE));
}

TEST(AddressClaims, WhatIsNotOursIsRefused) {
  AddressClaims claims = two_addresses();
  EXPECT_EQ(claims.claim(address("10.0.0.2:80")).error(), base::to_errno(EADDRNOTAVAIL));
  EXPECT_EQ(claims.claim(address("unix:/run/x")).error(), base::to_errno(EAFNOSUPPORT));
  AddressClaims only_v4({address("10.0.0.1:0").ip});
  EXPECT_EQ(only_v4.claim(address("[::]:80")).error(), base::to_errno(EADDRNOTAVAIL));
}

TEST(AddressClaims, PortZeroBecomesAFreeOneOfTheDynamicRange) {
  AddressClaims claims = two_addresses();
  const base::Address first = claims.claim(address("10.0.0.1:0")).value();
  const base::Address second = claims.claim(address("10.0.0.1:0")).value();
  EXPECT_GE(first.ip.port, 49152);
  EXPECT_GE(second.ip.port, 49152);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace backends::dpdk
