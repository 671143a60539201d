#include "proxy/session_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <vector>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

struct Guest : SessionQueue::Waiter {};

class SessionQueueTest : public testing::Test {
 protected:
  SessionQueueTest() {
    mine_.count_in(series_, *series_.cells[0]);
    theirs_.count_in(series_, *series_.cells[1]);
  }

  UpstreamSeries series_{2, {.listener = {}, .upstream = "app", .endpoint = {}}};
  SessionQueue mine_;
  SessionQueue theirs_;
  std::array<Guest, 6> guests_;
};

TEST_F(SessionQueueTest, FirstInFirstOut) {
  for (Guest& guest : guests_) ASSERT_TRUE(mine_.join(guest, 10, 1s));
  for (Guest& guest : guests_) {
    ASSERT_EQ(mine_.first(), &guest);
    mine_.leave(guest, 2s);
  }
  EXPECT_TRUE(mine_.empty());
  EXPECT_EQ(mine_.first(), nullptr);
}

TEST_F(SessionQueueTest, WhoLeavesFromTheMiddleOrTheEndLeavesTheOrderAsItIs) {
  for (Guest& guest : guests_) ASSERT_TRUE(mine_.join(guest, 10, 1s));
  for (const std::size_t gone : {2U, 5U, 0U}) mine_.leave(guests_[gone], 1s);
  ASSERT_TRUE(mine_.join(guests_[2], 10, 2s));
  for (const std::size_t next : {1U, 3U, 4U, 2U}) {
    ASSERT_EQ(mine_.first(), &guests_[next]);
    mine_.leave(guests_[next], 3s);
  }
  EXPECT_EQ(mine_.size(), 0U);
}

TEST_F(SessionQueueTest, TheBoundIsOverAllWorkers) {
  EXPECT_FALSE(mine_.join(guests_[0], 0, 1s));
  ASSERT_TRUE(mine_.join(guests_[0], 2, 1s));
  ASSERT_TRUE(theirs_.join(guests_[1], 2, 1s));
  EXPECT_FALSE(mine_.join(guests_[2], 2, 1s));
  EXPECT_FALSE(guests_[2].waiting());
  EXPECT_EQ(sum_over_workers(series_, &UpstreamCells::queued), 2);
  theirs_.leave(guests_[1], 1s);
  EXPECT_TRUE(mine_.join(guests_[2], 2, 1s));
}

TEST_F(SessionQueueTest, EverybodysTimeIsCountedWhenTheyLeave) {
  ASSERT_TRUE(mine_.join(guests_[0], 2, 1s));
  EXPECT_EQ(series_.cells[0]->queue_time.snapshot().count(), 0U);
  mine_.leave(guests_[0], 4s);
  EXPECT_EQ(series_.cells[0]->queue_time.snapshot().count(), 1U);
  EXPECT_DOUBLE_EQ(series_.cells[0]->queue_time.snapshot().sum_seconds, 3);
  EXPECT_EQ(sum_over_workers(series_, &UpstreamCells::queued), 0);
}

}  // namespace
}  // namespace proxy
