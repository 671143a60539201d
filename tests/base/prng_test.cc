// The numbers themselves: a trace of the simulator is worth something only if a seed means the same
// numbers on every machine and in every later version.
#include "base/prng.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>

namespace {

using base::Prng;

// First outputs, from a second implementation of the published algorithms (in Python).
TEST(Prng, GivesTheNumbersOfItsAlgorithm) {
  struct Case {
    std::uint64_t seed;
    std::array<std::uint64_t, 4> numbers;
  };
  constexpr Case kCases[] = {
      {0, {0x1a70a846bd9cc2a9, 0x6a0ef250cd2b9e80, 0x61325a7589c2ff27, 0x21ccf8536a2bb70a}},
      {1, {0xc5883e370b0926c3, 0x021b74b80f71f81c, 0x268df06749e5c8ce, 0xe052757d667afef2}},
      {42, {0x5c8961e1f2055d33, 0xe182e8e848466886, 0x9f7313650e290a18, 0xe6c0f551804ef0bb}},
  };
  for (const Case& expected : kCases) {
    Prng prng(expected.seed);
    for (const std::uint64_t number : expected.numbers) {
      EXPECT_EQ(prng.next(), number) << "seed " << expected.seed;
    }
  }
}

TEST(Prng, ScalesNumbersTheSameWayEverywhere) {
  Prng prng(7);
  for (const std::uint64_t number : {887U, 608U, 248U, 176U, 644U, 409U, 588U, 102U}) {
    EXPECT_EQ(prng.below(1000), number);
  }
}

// The first value is the published one for a state of 0 (Vigna, splitmix64.c).
TEST(Prng, SpreadsASeedWithSplitmix) {
  EXPECT_EQ(base::splitmix64(0), 0xe220a8397b1dcdafU);
  EXPECT_EQ(base::splitmix64(1), 0x910a2dec89025cc1U);
  EXPECT_EQ(base::splitmix64(UINT64_MAX), 0xe4d971771b652c20U);
}

TEST(Prng, GivesTheSameNumbersForTheSameSeedAndOthersForAnother) {
  Prng one(99);
  Prng same(99);
  Prng other(100);
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t number = one.next();
    ASSERT_EQ(number, same.next());
    differs = differs || number != other.next();
  }
  EXPECT_TRUE(differs);
}

TEST(Prng, StaysBelowItsBoundAndReachesAllOfIt) {
  Prng prng(3);
  std::array<int, 10> seen{};
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t number = prng.below(10);
    ASSERT_LT(number, 10U);
    ++seen[number];
  }
  for (const int count : seen) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1200);
  }
}

TEST(Prng, StaysBetweenItsBoundsAndReachesBoth) {
  Prng prng(4);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(prng.between(5, 8));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{5, 6, 7, 8}));
  EXPECT_EQ(prng.between(9, 9), 9U);
}

TEST(Prng, IsSureAtZeroAndAtAThousandAndFairBetween) {
  Prng prng(5);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_FALSE(prng.chance(0));
    ASSERT_TRUE(prng.chance(1000));
    if (prng.chance(250)) ++hits;
  }
  EXPECT_GT(hits, 2300);
  EXPECT_LT(hits, 2700);
}

TEST(Prng, WorksWhileCompiling) {
  constexpr std::uint64_t kFirst = Prng(0).next();
  static_assert(kFirst == 0x1a70a846bd9cc2a9U);
  EXPECT_EQ(kFirst, Prng(0).next());
}

TEST(PrngDeathTest, HasNoNumberBelowZero) { EXPECT_DEATH(Prng(1).below(0), "CHECK failed"); }

}  // namespace
