#include "proxy/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace proxy {
namespace {

Listener listener_of(ListenerSeries& series, std::size_t worker, std::uint32_t max_sessions) {
  Listener listener;
  listener.series = &series;
  listener.cells = series.cells[worker].get();
  listener.max_sessions = max_sessions;
  return listener;
}

TEST(Admission, LetsInAsManyAsTheLimitSaysOverAllWorkers) {
  ListenerSeries series(2, {.listener = "web", .upstream = "", .endpoint = ""});
  Listener first = listener_of(series, 0, 3);
  Listener second = listener_of(series, 1, 3);
  EXPECT_TRUE(admit(first));
  EXPECT_TRUE(admit(second));
  EXPECT_TRUE(admit(second));
  EXPECT_FALSE(admit(first));
  EXPECT_FALSE(admit(second));
  leave(second);
  EXPECT_TRUE(admit(first));
  EXPECT_EQ(sum_over_workers(series, &ListenerCells::sessions), 3);
}

TEST(Admission, HasNoLimitAtZero) {
  ListenerSeries series(1, {.listener = "web", .upstream = "", .endpoint = ""});
  Listener listener = listener_of(series, 0, 0);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(admit(listener));
  EXPECT_EQ(listener.sessions, 1000U);
}

TEST(Admission, NeverPassesTheLimitWhenWorkersRaceForTheLastPlace) {
  constexpr int kWorkers = 4;
  constexpr std::int64_t kLimit = 2;
  ListenerSeries series(kWorkers, {.listener = "web", .upstream = "", .endpoint = ""});
  std::atomic<std::int64_t> inside{0};
  std::atomic<std::int64_t> most{0};
  std::atomic<std::int64_t> admitted{0};
  std::vector<std::thread> workers;
  workers.reserve(kWorkers);
  for (int worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([&, worker] {
      Listener listener = listener_of(series, static_cast<std::size_t>(worker), kLimit);
      for (int i = 0; i < 20000; ++i) {
        if (!admit(listener)) continue;
        const std::int64_t now_inside = ++inside;
        std::int64_t seen = most.load();
        while (now_inside > seen && !most.compare_exchange_weak(seen, now_inside)) {
        }
        ++admitted;
        --inside;
        leave(listener);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_LE(most.load(), kLimit);
  EXPECT_GT(admitted.load(), 0);
  EXPECT_EQ(sum_over_workers(series, &ListenerCells::sessions), 0);
}

}  // namespace
}  // namespace proxy
