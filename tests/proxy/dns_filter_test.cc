#include "proxy/dns_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace proxy {
namespace {

base::Address address(const std::string& text) { return base::parse_address(text).value(); }

DnsAddress at(const std::string& text, std::uint32_t priority = 0) {
  return {.address = address(text).ip, .weight = 1, .priority = priority};
}

std::uint32_t count(const DnsIgnoredCounts& counts, DnsIgnored cause) {
  return counts[static_cast<std::size_t>(cause)];
}

TEST(DnsFilter, KnowsItsOwnListeners) {
  const DnsFilter filter({address("10.0.0.1:80"), address("[fd00::1]:80"), address("unix:/x")});
  EXPECT_TRUE(filter.is_own(address("10.0.0.1:80").ip));
  EXPECT_TRUE(filter.is_own(address("[::ffff:10.0.0.1]:80").ip));
  EXPECT_TRUE(filter.is_own(address("[fd00::1]:80").ip));
  EXPECT_FALSE(filter.is_own(address("10.0.0.1:81").ip));
  EXPECT_FALSE(filter.is_own(address("10.0.0.2:80").ip));
  EXPECT_FALSE(filter.is_own(address("127.0.0.1:80").ip));
}

TEST(DnsFilter, KnowsThatAWildcardIsReachedByLoopback) {
  const DnsFilter v4({address("0.0.0.0:80")});
  EXPECT_TRUE(v4.is_own(address("127.0.0.1:80").ip));
  EXPECT_TRUE(v4.is_own(address("127.9.9.9:80").ip));
  EXPECT_TRUE(v4.is_own(address("0.0.0.0:80").ip));
  EXPECT_FALSE(v4.is_own(address("[::1]:80").ip));
  EXPECT_FALSE(v4.is_own(address("10.0.0.1:80").ip));
  const DnsFilter v6({address("[::]:80")});
  EXPECT_TRUE(v6.is_own(address("[::1]:80").ip));
  EXPECT_TRUE(v6.is_own(address("127.0.0.1:80").ip));
  EXPECT_FALSE(v6.is_own(address("127.0.0.1:81").ip));
}

TEST(DnsFilter, LeavesOutWhatNoConnectionCanGoTo) {
  for (const char* text : {"0.0.0.0:80", "[::]:80", "224.0.0.1:80", "255.255.255.255:80",
                           "[ff02::1]:80", "[fe80::1]:80", "10.0.0.1:0"}) {
    EXPECT_FALSE(is_usable(address(text).ip)) << text;
  }
  for (const char* text : {"127.0.0.1:80", "[::1]:80", "[fd00::1]:80", "223.255.255.255:80"}) {
    EXPECT_TRUE(is_usable(address(text).ip)) << text;
  }
}

TEST(DnsFilter, CountsWhatItTakesOutAndSortsTheRest) {
  const DnsFilter filter({address("10.0.0.9:80")});
  std::vector<DnsAddress> addresses = {at("10.0.0.2:80"), at("0.0.0.0:80"),     at("10.0.0.9:80"),
                                       at("10.0.0.1:80"), at("10.0.0.2:80", 5), at("10.0.0.3:80")};
  const DnsIgnoredCounts counts = filter.apply(addresses);
  EXPECT_EQ(addresses,
            (std::vector<DnsAddress>{at("10.0.0.1:80"), at("10.0.0.2:80"), at("10.0.0.3:80")}));
  EXPECT_EQ(count(counts, DnsIgnored::kOwnListener), 1U);
  EXPECT_EQ(count(counts, DnsIgnored::kUnusable), 1U);
  EXPECT_EQ(count(counts, DnsIgnored::kTooMany), 0U);
}

TEST(DnsFilter, CutsFiveHundredAddressesAlwaysAlike) {
  std::vector<DnsAddress> all;
  all.reserve(500);
  for (int i = 0; i < 500; ++i) {
    all.push_back(at("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":80",
                     i < 10 ? 1 : 0));
  }
  std::vector<DnsAddress> reversed(all.rbegin(), all.rend());
  const DnsIgnoredCounts counts = DnsFilter{}.apply(all);
  EXPECT_EQ(all.size(), DnsFilter::kAddressesMax);
  EXPECT_EQ(count(counts, DnsIgnored::kTooMany), 500 - DnsFilter::kAddressesMax);
  EXPECT_TRUE(std::all_of(all.begin(), all.end(),
                          [](const DnsAddress& kept) { return kept.priority == 0; }));
  DnsFilter{}.apply(reversed);
  EXPECT_EQ(reversed, all);
}

TEST(DnsFilter, NamesEveryCause) {
  EXPECT_EQ(name(DnsIgnored::kOwnListener), "own_listener");
  EXPECT_EQ(name(DnsIgnored::kUnusable), "unusable");
  EXPECT_EQ(name(DnsIgnored::kTooMany), "too_many");
}

}  // namespace
}  // namespace proxy
