#include "proxy/resolved_set.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using base::Nanos;

DnsAddress at(const std::string& text, std::uint32_t weight = kDnsWeightDefault) {
  return {.address = base::parse_address(text).value().ip, .weight = weight, .priority = 0};
}

DnsAnswer good(std::vector<DnsAddress> addresses, Nanos ttl = 60s) {
  return {
      .result = DnsResult::kOk, .complete = true, .addresses = std::move(addresses), .ttl = ttl};
}

DnsAnswer bad(DnsResult result) {
  return {.result = result, .complete = true, .addresses = {}, .ttl = {}};
}

class ResolvedSetTest : public testing::Test {
 protected:
  static config::Dns times() {
    config::Dns dns;
    dns.refresh = 5s;
    dns.refresh_max = 300s;
    dns.stale = 1h;
    dns.linger = 30s;
    return dns;
  }

  bool take(const DnsAnswer& answer, Nanos now) { return set_.take(answer, now, 0); }

  ResolvedSet set_{times()};
  const DnsAddress a_ = at("10.0.0.1:80");
  const DnsAddress b_ = at("10.0.0.2:80");
  const DnsAddress c_ = at("[fd00::1]:80");
};

TEST_F(ResolvedSetTest, IsSortedSoThatTheOrderOfAnAnswerChangesNothing) {
  EXPECT_TRUE(take(good({c_, b_, a_}), 1s));
  EXPECT_EQ(set_.addresses(), (std::vector<DnsAddress>{a_, b_, c_}));
  EXPECT_FALSE(take(good({b_, c_, a_}), 10s));
}

TEST_F(ResolvedSetTest, AsksAgainAfterTheTimeToLiveWithinBounds) {
  EXPECT_EQ(set_.next_lookup(), 0s);
  take(good({a_}, 60s), 100s);
  EXPECT_EQ(set_.next_lookup(), 160s);
  take(good({a_}, 1s), 100s);
  EXPECT_EQ(set_.next_lookup(), 105s);
  take(good({a_}, 24h), 100s);
  EXPECT_EQ(set_.next_lookup(), 400s);
}

TEST_F(ResolvedSetTest, RetriesAfterAFailureAtRefreshAndALittleLater) {
  for (const std::uint64_t random :
       {std::uint64_t{0}, std::uint64_t{123456789}, ~std::uint64_t{0}}) {
    set_.take(bad(DnsResult::kTimeout), 100s, random);
    EXPECT_GE(set_.next_lookup(), 105s);
    EXPECT_LE(set_.next_lookup(), 106250ms);
  }
}

TEST_F(ResolvedSetTest, KeepsTheLastGoodSetThroughFailuresOfEveryKind) {
  take(good({a_, b_}), 1s);
  for (const DnsResult result :
       {DnsResult::kNxdomain, DnsResult::kEmpty, DnsResult::kTimeout, DnsResult::kError}) {
    EXPECT_FALSE(take(bad(result), 10min));
  }
  EXPECT_EQ(set_.addresses().size(), 2U);
}

TEST_F(ResolvedSetTest, GivesUpTheLastGoodSetWhenItIsStale) {
  take(good({a_, b_}), 1s);
  EXPECT_FALSE(take(bad(DnsResult::kTimeout), 1h));
  EXPECT_TRUE(take(bad(DnsResult::kTimeout), 1h + 1s));
  EXPECT_TRUE(set_.addresses().empty());
  EXPECT_TRUE(take(good({a_}), 1h + 7s));
}

TEST_F(ResolvedSetTest, DoesNotAgeWhileAnswersAreGoodHoweverRare) {
  config::Dns dns = times();
  dns.stale = 0s;
  set_.configure(dns);
  take(good({a_}), 1s);
  EXPECT_FALSE(set_.expire(10h));
  EXPECT_FALSE(take(good({a_}), 10h));
  EXPECT_TRUE(take(bad(DnsResult::kNxdomain), 11h));
}

TEST_F(ResolvedSetTest, LetsAMissingAddressLinger) {
  take(good({a_, b_}), 1s);
  EXPECT_FALSE(take(good({a_}), 100s));
  EXPECT_EQ(set_.next_expiry(), 130s);
  EXPECT_FALSE(set_.expire(129s));
  EXPECT_TRUE(set_.expire(130s));
  EXPECT_EQ(set_.addresses(), std::vector<DnsAddress>{a_});
  EXPECT_EQ(set_.next_expiry(), base::kForever);
}

TEST_F(ResolvedSetTest, CountsLingeringFromTheFirstAnswerWithoutTheAddress) {
  take(good({a_, b_}), 1s);
  take(good({a_}), 100s);
  take(good({a_}), 110s);
  EXPECT_EQ(set_.next_expiry(), 130s);
}

TEST_F(ResolvedSetTest, DoesNotNoticeAnAnswerThatFlaps) {
  take(good({a_, b_}), 0s);
  bool changed = false;
  for (int i = 1; i < 100; ++i) {
    changed |= take(good({i % 2 == 0 ? a_ : b_}), i * 20s);
    changed |= set_.expire(i * 20s + 19s);
  }
  EXPECT_FALSE(changed);
}

TEST_F(ResolvedSetTest, LingersNotAtAllWhenToldSo) {
  config::Dns dns = times();
  dns.linger = 0s;
  set_.configure(dns);
  take(good({a_, b_}), 1s);
  EXPECT_TRUE(take(good({b_}), 10s));
  EXPECT_EQ(set_.addresses(), std::vector<DnsAddress>{b_});
}

TEST_F(ResolvedSetTest, WithdrawsNothingByAnAnswerThatIsNotComplete) {
  take(good({a_, c_}), 1s);
  DnsAnswer half = good({a_});
  half.complete = false;
  EXPECT_FALSE(take(half, 100s));
  EXPECT_FALSE(set_.expire(50min));
  EXPECT_EQ(set_.next_lookup(), 105s);
  EXPECT_FALSE(take(half, 59min));
  EXPECT_TRUE(take(half, 1h + 1s));
  EXPECT_EQ(set_.addresses(), std::vector<DnsAddress>{a_});
}

TEST_F(ResolvedSetTest, TakesOverWeightsAndPriorities) {
  take(good({at("10.0.0.1:80", 10)}), 1s);
  EXPECT_TRUE(take(good({at("10.0.0.1:80", 20)}), 10s));
  DnsAddress backup = at("10.0.0.1:80", 20);
  backup.priority = 7;
  EXPECT_TRUE(take(good({backup}), 20s));
  EXPECT_EQ(set_.addresses(), std::vector<DnsAddress>{backup});
}

TEST_F(ResolvedSetTest, IsBoundedAndPrefersThePresentToThoseThatLinger) {
  std::vector<DnsAddress> many;
  for (std::uint32_t i = 0; i < DnsFilter::kAddressesMax; ++i) {
    many.push_back(at("10.1.0." + std::to_string(i) + ":80"));
  }
  take(good(many), 1s);
  EXPECT_TRUE(take(good({a_, b_}), 10s));
  const auto& now = set_.addresses();
  EXPECT_EQ(now.size(), DnsFilter::kAddressesMax);
  EXPECT_EQ(now[0], a_);
  EXPECT_EQ(now[1], b_);
}

TEST_F(ResolvedSetTest, DropsWhatAReloadHasMadeAListener) {
  take(good({a_, b_}), 1s);
  EXPECT_FALSE(set_.drop_own(DnsFilter{}));
  EXPECT_TRUE(set_.drop_own(DnsFilter({base::parse_address("10.0.0.2:80").value()})));
  EXPECT_EQ(set_.addresses(), std::vector<DnsAddress>{a_});
}

}  // namespace
}  // namespace proxy
