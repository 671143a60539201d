#include "base/spsc_ring.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace {

TEST(SpscRing, GivesRecordsBackInTheOrderTheyCame) {
  base::SpscRing<int> ring(4);
  // Three rounds, so that the positions go round the end of the ring.
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(ring.try_push(round * 10 + i));
    for (int i = 0; i < 3; ++i) {
      int record = -1;
      ASSERT_TRUE(ring.try_pop(record));
      EXPECT_EQ(record, round * 10 + i);
    }
  }
}

TEST(SpscRing, TakesExactlyItsCapacityAndThenSaysNo) {
  base::SpscRing<int> ring(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.try_push(i));
  EXPECT_FALSE(ring.try_push(4));
  int record = -1;
  ASSERT_TRUE(ring.try_pop(record));
  EXPECT_EQ(record, 0);
  EXPECT_TRUE(ring.try_push(5));
  EXPECT_FALSE(ring.try_push(6));
}

TEST(SpscRing, LeavesTheRecordAloneWhenThereIsNothingToRead) {
  base::SpscRing<int> ring(2);
  int record = 7;
  EXPECT_FALSE(ring.try_pop(record));
  EXPECT_EQ(record, 7);
}

TEST(SpscRing, LosesAndRepeatsNothingBetweenTwoThreads) {
  struct Pair {
    std::uint64_t number;
    std::uint64_t complement;  // A torn copy would not match.
  };
  constexpr std::uint64_t kRecords = 200'000;
  base::SpscRing<Pair> ring(64);
  std::jthread writer([&ring] {
    for (std::uint64_t i = 0; i < kRecords;) {
      if (ring.try_push({i, ~i})) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t expected = 0; expected < kRecords;) {
    Pair pair{};
    if (!ring.try_pop(pair)) {
      std::this_thread::yield();
      continue;
    }
    if (pair.number != expected || pair.complement != ~expected) ++wrong;
    ++expected;
  }
  EXPECT_EQ(wrong, 0U);
  Pair pair{};
  EXPECT_FALSE(ring.try_pop(pair));
}

TEST(SpscRingDeathTest, RefusesACapacityThatIsNotAPowerOfTwo) {
  EXPECT_DEATH(base::SpscRing<int>(6), "CHECK");
}

}  // namespace
