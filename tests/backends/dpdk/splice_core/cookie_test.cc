// Cookies: what goes in comes out, for as long as it should, for nobody else.
#include "backends/dpdk/splice_core/cookie.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/prng.h"

namespace {

using backends::dpdk::splice_core::CookieJar;
using backends::dpdk::splice_core::FlowKey;
using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;
using backends::dpdk::splice_core::kCookieMss;
using backends::dpdk::splice_core::kNoWindowScale;
using backends::dpdk::splice_core::SipKey;
using backends::dpdk::splice_core::SynOptions;
using base::Nanos;
using namespace std::chrono_literals;

constexpr SipKey kSeed = {0x1122334455667788, 0x99aabbccddeeff00};
constexpr std::uint32_t kIsn = 0xfffffff0;
constexpr Nanos kNow = 1000min + 10s;
constexpr SynOptions kOffered = {.mss = 1460, .window_scale = 7, .sack = true};

constexpr FlowKey<Ip4> kFlow4 = {{0x0a000001}, {0x0a000002}, 4711, 443};
constexpr FlowKey<Ip6> kFlow6 = {{{0x20010db8, 1}}, {{0x20010db8, 2}}, 4711, 443};

template <typename Ip>
FlowKey<Ip> flow();
template <>
FlowKey<Ip4> flow<Ip4>() {
  return kFlow4;
}
template <>
FlowKey<Ip6> flow<Ip6>() {
  return kFlow6;
}

// All flows that differ from it in one bit.
std::vector<FlowKey<Ip4>> neighbours(const FlowKey<Ip4>& flow) {
  std::vector<FlowKey<Ip4>> all;
  for (unsigned bit = 0; bit < 32; ++bit) {
    all.insert(all.end(), 2, flow);
    all.end()[-1].remote.word ^= 1U << bit;
    all.end()[-2].local.word ^= 1U << bit;
  }
  for (unsigned bit = 0; bit < 16; ++bit) {
    all.insert(all.end(), 2, flow);
    all.end()[-1].remote_port = static_cast<std::uint16_t>(flow.remote_port ^ (1U << bit));
    all.end()[-2].local_port = static_cast<std::uint16_t>(flow.local_port ^ (1U << bit));
  }
  return all;
}
std::vector<FlowKey<Ip6>> neighbours(const FlowKey<Ip6>& flow) {
  std::vector<FlowKey<Ip6>> all;
  for (unsigned bit = 0; bit < 128; ++bit) {
    all.insert(all.end(), 2, flow);
    all.end()[-1].remote.words.at(bit / 64) ^= std::uint64_t{1} << (bit % 64);
    all.end()[-2].local.words.at(bit / 64) ^= std::uint64_t{1} << (bit % 64);
  }
  for (unsigned bit = 0; bit < 16; ++bit) {
    all.insert(all.end(), 2, flow);
    all.end()[-1].remote_port = static_cast<std::uint16_t>(flow.remote_port ^ (1U << bit));
    all.end()[-2].local_port = static_cast<std::uint16_t>(flow.local_port ^ (1U << bit));
  }
  return all;
}

template <typename Ip>
class Cookie : public testing::Test {
 public:
  CookieJar jar{kSeed};
  FlowKey<Ip> flow = ::flow<Ip>();
};

using Versions = testing::Types<Ip4, Ip6>;
TYPED_TEST_SUITE(Cookie, Versions);

TYPED_TEST(Cookie, CarriesEverythingAClientCanOffer) {
  for (const std::uint16_t mss : kCookieMss) {
    for (std::uint8_t scale = 0; scale <= kNoWindowScale; ++scale) {
      for (const bool sack : {false, true}) {
        const SynOptions offered = {.mss = mss, .window_scale = scale, .sack = sack};
        const std::uint32_t cookie = this->jar.make(this->flow, kIsn, offered, kNow);
        EXPECT_EQ(this->jar.check(this->flow, kIsn, cookie, kNow), offered);
      }
    }
  }
}

TYPED_TEST(Cookie, RoundsTheMssDown) {
  struct Case {
    std::uint16_t offered;
    std::uint16_t carried;
  };
  constexpr Case kCases[] = {{0, 536},     {1, 536},     {535, 536},   {536, 536},   {1219, 536},
                             {1220, 1220}, {1459, 1440}, {1460, 1460}, {1461, 1460}, {8959, 1460},
                             {8960, 8960}, {8961, 8960}, {65535, 8960}};
  for (const Case& each : kCases) {
    const std::uint32_t cookie = this->jar.make(this->flow, kIsn, {.mss = each.offered}, kNow);
    const std::optional<SynOptions> found = this->jar.check(this->flow, kIsn, cookie, kNow);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->mss, each.carried) << "offered " << each.offered;
  }
}

TYPED_TEST(Cookie, IsGoodToTheEndOfTheNextMinuteAndNoLonger) {
  constexpr Nanos kLatest = 1000min + 60s - 1ns;
  const std::uint32_t early = this->jar.make(this->flow, kIsn, kOffered, 1000min);
  const std::uint32_t late = this->jar.make(this->flow, kIsn, kOffered, kLatest);
  EXPECT_EQ(early, late);
  EXPECT_EQ(this->jar.check(this->flow, kIsn, late, kLatest), kOffered);
  EXPECT_EQ(this->jar.check(this->flow, kIsn, late, 1001min), kOffered);
  EXPECT_EQ(this->jar.check(this->flow, kIsn, late, 1002min - 1ns), kOffered);
  EXPECT_EQ(this->jar.check(this->flow, kIsn, late, 1002min), std::nullopt);
  EXPECT_EQ(this->jar.check(this->flow, kIsn, late, 5000min), std::nullopt);
}

TYPED_TEST(Cookie, IsNotGoodBeforeItsMinute) {
  const std::uint32_t cookie = this->jar.make(this->flow, kIsn, kOffered, 1000min);
  EXPECT_EQ(this->jar.check(this->flow, kIsn, cookie, 1000min - 1ns), std::nullopt);
}

TYPED_TEST(Cookie, TheFirstMinutesOfAMachineHaveKeysToo) {
  for (const Nanos now : {Nanos(0), Nanos(61s), Nanos(121s)}) {
    const std::uint32_t cookie = this->jar.make(this->flow, kIsn, kOffered, now);
    EXPECT_EQ(this->jar.check(this->flow, kIsn, cookie, now), kOffered);
    EXPECT_EQ(CookieJar(kSeed).make(this->flow, kIsn, kOffered, now), cookie);
    EXPECT_NE(CookieJar({1, 2}).make(this->flow, kIsn, kOffered, now), cookie);
  }
}

TYPED_TEST(Cookie, EveryMinuteHasItsOwn) {
  std::set<std::uint32_t> seen;
  for (int minute = 0; minute < 100; ++minute) {
    EXPECT_TRUE(
        seen.insert(this->jar.make(this->flow, kIsn, kOffered, std::chrono::minutes(minute)))
            .second);
  }
}

TYPED_TEST(Cookie, IsGoodForItsFlowAlone) {
  const std::uint32_t cookie = this->jar.make(this->flow, kIsn, kOffered, kNow);
  for (const FlowKey<TypeParam>& other : neighbours(this->flow)) {
    EXPECT_EQ(this->jar.check(other, kIsn, cookie, kNow), std::nullopt);
  }
  for (unsigned bit = 0; bit < 32; ++bit) {
    EXPECT_EQ(this->jar.check(this->flow, kIsn ^ (1U << bit), cookie, kNow), std::nullopt);
  }
}

TYPED_TEST(Cookie, OfAnotherProcessIsNotOurs) {
  const std::uint32_t cookie = CookieJar({1, 2}).make(this->flow, kIsn, kOffered, kNow);
  EXPECT_EQ(this->jar.check(this->flow, kIsn, cookie, kNow), std::nullopt);
}

// What a client acknowledges whose server had sent a little before the connection went.
TYPED_TEST(Cookie, AnAckOfMoreThanTheCookieIsNotTaken) {
  const std::uint32_t cookie = this->jar.make(this->flow, kIsn, kOffered, kNow);
  for (std::uint32_t more = 1; more <= 100000; ++more) {
    ASSERT_EQ(this->jar.check(this->flow, kIsn, cookie + more, kNow), std::nullopt) << more;
  }
}

TYPED_TEST(Cookie, AGuessIsRight1TimeIn8Million) {
  base::Prng prng(7);
  int right = 0;
  for (int i = 0; i < 200000; ++i) {
    const auto guess = static_cast<std::uint32_t>(prng.next());
    if (this->jar.check(this->flow, kIsn, guess, kNow).has_value()) ++right;
  }
  EXPECT_LE(right, 2);  // 0.02 are to be expected.
}

TYPED_TEST(Cookie, WhatTheClientOfferedCannotBeRead) {
  // The same offer under many initial numbers: all values of the upper byte come about as often.
  std::vector<int> seen(256);
  for (std::uint32_t isn = 0; isn < 25600; ++isn) {
    ++seen[this->jar.make(this->flow, isn, kOffered, kNow) >> 24U];
  }
  for (const int count : seen) {
    EXPECT_GT(count, 50);
    EXPECT_LT(count, 160);
  }
}

}  // namespace
