#include "proxy/shared_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace proxy {
namespace {

TEST(SharedLimitTest, APlaceIsTakenOnceAndFreedByWhoeverHasIt) {
  UpstreamSeries series(2, {});
  UpstreamCells& mine = *series.cells[0];
  UpstreamCells& theirs = *series.cells[1];
  EXPECT_FALSE(all_taken(series, &UpstreamCells::sessions, 1));
  EXPECT_TRUE(take_place(series, mine, &UpstreamCells::sessions, 1));
  EXPECT_TRUE(all_taken(series, &UpstreamCells::sessions, 1));
  EXPECT_FALSE(take_place(series, theirs, &UpstreamCells::sessions, 1));
  EXPECT_EQ(theirs.sessions.value(), 0);
  free_place(mine, &UpstreamCells::sessions);
  EXPECT_TRUE(take_place(series, theirs, &UpstreamCells::sessions, 1));
}

TEST(SharedLimitTest, WithoutALimitPlacesAreOnlyCounted) {
  UpstreamSeries series(1, {});
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(all_taken(series, &UpstreamCells::queued, 0));
    EXPECT_TRUE(take_place(series, *series.cells[0], &UpstreamCells::queued, 0));
  }
  EXPECT_EQ(sum_over_workers(series, &UpstreamCells::queued), 100);
}

TEST(SharedLimitTest, RacingWorkersNeverPassTheLimit) {
  constexpr std::size_t kWorkers = 4;
  constexpr std::uint32_t kLimit = 2;
  UpstreamSeries series(kWorkers, {});
  std::atomic<std::uint32_t> inside = 0;
  std::atomic<std::uint32_t> most = 0;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&, i] {
      UpstreamCells& own = *series.cells[i];
      for (int round = 0; round < 20'000; ++round) {
        if (!take_place(series, own, &UpstreamCells::sessions, kLimit)) continue;
        const std::uint32_t now = ++inside;
        std::uint32_t seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --inside;
        free_place(own, &UpstreamCells::sessions);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, kLimit);
  EXPECT_EQ(sum_over_workers(series, &UpstreamCells::sessions), 0);
}

}  // namespace
}  // namespace proxy
