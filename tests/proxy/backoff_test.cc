#include "proxy/backoff.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

using base::Nanos;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Fails at once whenever a wait is over; returns the last wait.
Nanos wait_after(int failures, std::uint64_t seed) {
  base::Prng prng(seed);
  Backoff backoff;
  Nanos now = seconds(1);
  Nanos wait{0};
  for (int i = 0; i < failures; ++i) {
    backoff.failed(now, prng);
    wait = backoff.until() - now;
    now = backoff.until();
  }
  return wait;
}

TEST(Backoff, WaitsTwiceAsLongEachTimeAndHalfOfItByChance) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Nanos longest = Backoff::kFirst;
    for (int failures = 1; failures <= 8; ++failures, longest *= 2) {
      EXPECT_GE(wait_after(failures, seed), longest / 2);
      EXPECT_LE(wait_after(failures, seed), longest);
    }
  }
}

TEST(Backoff, NeverWaitsLongerThanTheLongestHoweverOftenItFails) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (const int failures : {10, 11, 20, 100, 1000}) {
      EXPECT_LE(wait_after(failures, seed), Backoff::kLongest);
      EXPECT_GE(wait_after(failures, seed), Backoff::kLongest / 2 - milliseconds(1));
    }
  }
}

TEST(Backoff, FailuresThatComeTogetherAreOne) {
  base::Prng prng(1);
  Backoff backoff;
  EXPECT_FALSE(backoff.failing());
  EXPECT_FALSE(backoff.waiting(Nanos{0}));
  backoff.failed(seconds(1), prng);
  const Nanos until = backoff.until();
  for (int i = 0; i < 10; ++i) backoff.failed(seconds(1), prng);
  EXPECT_EQ(backoff.until(), until);
  EXPECT_TRUE(backoff.waiting(until - Nanos{1}));
  EXPECT_FALSE(backoff.waiting(until));
  EXPECT_TRUE(backoff.failing());
}

TEST(Backoff, StartsAgainAfterASuccess) {
  base::Prng prng(1);
  Backoff backoff;
  Nanos now = seconds(1);
  for (int i = 0; i < 5; ++i) {
    backoff.failed(now, prng);
    now = backoff.until();
  }
  backoff.succeeded();
  EXPECT_FALSE(backoff.failing());
  EXPECT_FALSE(backoff.waiting(now - Nanos{1}));
  backoff.failed(now, prng);
  EXPECT_LE(backoff.until() - now, Backoff::kFirst);
}

TEST(Backoff, TwoSeedsDoNotKnockInStep) { EXPECT_NE(wait_after(8, 1), wait_after(8, 2)); }

}  // namespace
}  // namespace proxy
