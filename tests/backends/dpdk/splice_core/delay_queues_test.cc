// Timers of a few fixed delays.
#include "backends/dpdk/splice_core/delay_queues.h"

#include <gtest/gtest.h>

#include <map>

#include "base/prng.h"

namespace backends::dpdk::splice_core {
namespace {

using namespace std::chrono_literals;
constexpr std::array<base::Nanos, 3> kDelays = {10ms, 100ms, 1s};

TEST(DelayQueues, EachIsDueAfterItsDelayAndOnce) {
  DelayQueues<int, 3> queues(kDelays, 1000);
  base::Prng prng(3);
  std::multimap<base::Nanos, int> wanted;
  base::Nanos now = 5s;
  int number = 0;
  for (int round = 0; round < 3000; ++round) {
    now += base::Nanos(static_cast<std::int64_t>(prng.below(2'000'000)));
    const std::size_t delay = prng.below(3);
    ASSERT_TRUE(queues.add(delay, number, now));
    wanted.emplace(now + kDelays.at(delay), number++);
    int taken = 0;
    while (queues.take(now, taken)) {
      const auto found = std::find_if(wanted.begin(), wanted.end(),
                                      [&](const auto& each) { return each.second == taken; });
      ASSERT_NE(found, wanted.end());
      ASSERT_LE(found->first, now);
      wanted.erase(found);
    }
    ASSERT_TRUE(wanted.empty() || wanted.begin()->first > now);
    ASSERT_EQ(queues.size(), wanted.size());
  }
}

TEST(DelayQueues, PastTheMostItSaysNo) {
  DelayQueues<int, 3> queues(kDelays, 64);
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(queues.add(0, i, 0s));
  EXPECT_FALSE(queues.add(0, 64, 0s));
  EXPECT_TRUE(queues.add(1, 64, 0s));  // Another delay has its own.
  int taken = 0;
  ASSERT_TRUE(queues.take(10ms, taken));
  EXPECT_EQ(taken, 0);
  EXPECT_TRUE(queues.add(0, 65, 0s));
}

}  // namespace
}  // namespace backends::dpdk::splice_core
