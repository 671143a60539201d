// Which way an address is.
#include "backends/dpdk/routes.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_test_device.h"

namespace {

using backends::dpdk::PortAddress;
using backends::dpdk::Routes;
using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;
using tests::dpdk::ip;
using tests::dpdk::own;

template <typename Ip>
std::vector<Ip> ips(std::initializer_list<const char*> texts) {
  std::vector<Ip> all;
  for (const char* text : texts) all.push_back(ip<Ip>(text));
  return all;
}

template <typename Ip>
void expect_route(const Routes<Ip>& routes, const char* destination, int port, const char* next_hop,
                  std::initializer_list<const char*> sources) {
  const auto route = routes.find(ip<Ip>(destination));
  ASSERT_TRUE(route.has_value()) << destination;
  EXPECT_EQ(route->port, port) << destination;
  EXPECT_EQ(route->next_hop, ip<Ip>(next_hop)) << destination;
  EXPECT_EQ(std::vector<Ip>(route->sources.begin(), route->sources.end()), ips<Ip>(sources))
      << destination;
}

TEST(Routes, AnAddressInOurPrefixIsReachedDirectlyFromAllOfOursThere) {
  const std::vector<PortAddress> configured = {own("10.1.0.2", 24, "10.1.0.1"),
                                               own("10.2.0.2", 24, "", 1), own("10.1.0.3", 24)};
  const Routes<Ip4> routes(configured);
  expect_route(routes, "10.1.0.77", 0, "10.1.0.77", {"10.1.0.2", "10.1.0.3"});
  expect_route(routes, "10.2.0.77", 1, "10.2.0.77", {"10.2.0.2"});
}

TEST(Routes, EverythingElseGoesByTheGatewayFromThoseThatHaveIt) {
  const std::vector<PortAddress> configured = {
      own("10.1.0.2", 24), own("10.2.0.2", 24, "10.2.0.1", 1), own("10.2.0.3", 24, "10.2.0.1", 1),
      own("10.1.0.3", 24, "10.1.0.1")};
  const Routes<Ip4> routes(configured);
  expect_route(routes, "192.0.2.1", 1, "10.2.0.1", {"10.2.0.2", "10.2.0.3"});
}

TEST(Routes, TheLongestPrefixIsPreferred) {
  const std::vector<PortAddress> configured = {own("10.0.0.2", 8), own("10.1.0.2", 16, "", 1)};
  const Routes<Ip4> routes(configured);
  expect_route(routes, "10.1.5.5", 1, "10.1.5.5", {"10.1.0.2"});
  expect_route(routes, "10.9.5.5", 0, "10.9.5.5", {"10.0.0.2"});
}

TEST(Routes, WithoutAGatewayTheRestIsUnreachable) {
  const std::vector<PortAddress> configured = {own("10.1.0.2", 24)};
  EXPECT_FALSE(Routes<Ip4>(configured).find(ip<Ip4>("192.0.2.1")).has_value());
  EXPECT_FALSE(Routes<Ip6>(configured).find(ip<Ip6>("2001:db8::1")).has_value());
}

TEST(Routes, OurOwnAddressesAreNotOnTheWire) {
  const std::vector<PortAddress> configured = {own("10.1.0.2", 24, "10.1.0.1"),
                                               own("192.0.2.7", 32)};
  const Routes<Ip4> routes(configured);
  EXPECT_FALSE(routes.find(ip<Ip4>("10.1.0.2")).has_value());
  EXPECT_FALSE(routes.find(ip<Ip4>("192.0.2.7")).has_value());
}

TEST(Routes, Ip6GoesTheSameWays) {
  const std::vector<PortAddress> configured = {own("2001:db8::2", 64, "fe80::1"),
                                               own("10.1.0.2", 24)};
  const Routes<Ip6> routes(configured);
  expect_route(routes, "2001:db8::77", 0, "2001:db8::77", {"2001:db8::2"});
  expect_route(routes, "2001:db8:1::77", 0, "fe80::1", {"2001:db8::2"});
}

}  // namespace
