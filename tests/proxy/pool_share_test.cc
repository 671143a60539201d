#include "proxy/pool_share.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

TEST(PoolShare, TheSharesOfAllWorkersAreTheWhole) {
  for (std::size_t workers = 1; workers <= 9; ++workers) {
    for (std::uint32_t total = 0; total <= 30; ++total) {
      for (std::uint64_t key = 0; key < 5; ++key) {
        std::uint32_t sum = 0;
        for (std::size_t worker = 0; worker < workers; ++worker) {
          const std::uint32_t share = share_of(total, {worker, workers, key});
          EXPECT_LE(share, total / workers + 1);
          sum += share;
        }
        EXPECT_EQ(sum, total);
      }
    }
  }
}

TEST(PoolShare, ASmallerWholeNeverGivesALargerShare) {
  for (std::uint32_t total = 0; total < 30; ++total) {
    for (std::size_t worker = 0; worker < 4; ++worker) {
      EXPECT_LE(share_of(total, {worker, 4, 3}), share_of(total + 1, {worker, 4, 3}));
    }
  }
}

TEST(PoolShare, TheOddOneGoesToDifferentWorkersForDifferentEndpoints) {
  bool first_has = false;
  bool first_has_not = false;
  for (std::uint64_t key = 0; key < 4; ++key) {
    (share_of(1, {0, 4, key}) == 1 ? first_has : first_has_not) = true;
  }
  EXPECT_TRUE(first_has && first_has_not);
}

TEST(PoolShare, SessionsComeFirstWhereAServiceIsLimited) {
  EXPECT_EQ(places_for_pools(10, 0, 1), 10U);
  EXPECT_EQ(places_for_pools(10, 7, 1), 3U);
  EXPECT_EQ(places_for_pools(10, 10, 1), 0U);
  EXPECT_EQ(places_for_pools(10, 12, 1), 0U);
  EXPECT_EQ(places_for_pools(10, 0, 2), 5U);
  EXPECT_EQ(places_for_pools(10, 8, 2), 1U);
  EXPECT_EQ(places_for_pools(10, 9, 2), 0U);
  EXPECT_EQ(places_for_pools(10, 10, 2), 0U);
}

}  // namespace
}  // namespace proxy
