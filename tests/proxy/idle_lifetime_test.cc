#include "proxy/idle_lifetime.h"

#include <gtest/gtest.h>

#include <set>

namespace proxy {
namespace {

using base::Nanos;

TEST(IdleLifetime, IsAlwaysShortOfTheMaximalAgeAndNotMuchShorter) {
  base::Prng prng(7);
  for (const Nanos max_age : {Nanos(std::chrono::milliseconds(10)), Nanos(std::chrono::seconds(30)),
                              Nanos(std::chrono::hours(24))}) {
    for (int i = 0; i < 1000; ++i) {
      const Nanos lifetime = idle_lifetime(max_age, prng);
      EXPECT_LE(lifetime, max_age / 100 * kIdleLifetimeMax);
      EXPECT_GE(lifetime, max_age / 100 * kIdleLifetimeMin);
    }
  }
}

TEST(IdleLifetime, ConnectionsMadeTogetherAreNotReplacedTogether) {
  base::Prng prng(7);
  std::set<Nanos> lifetimes;
  for (int i = 0; i < 100; ++i) lifetimes.insert(idle_lifetime(std::chrono::seconds(30), prng));
  EXPECT_GT(lifetimes.size(), 90U);
}

TEST(IdleLifetime, TheSameSeedGivesTheSameLifetimes) {
  base::Prng one(3);
  base::Prng same(3);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(idle_lifetime(std::chrono::seconds(30), one),
              idle_lifetime(std::chrono::seconds(30), same));
  }
}

}  // namespace
}  // namespace proxy
