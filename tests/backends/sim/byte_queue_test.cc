#include "backends/sim/byte_queue.h"

#include <gtest/gtest.h>

#include <vector>

namespace backends {
namespace {

std::vector<std::byte> counting(std::size_t first, std::size_t count) {
  std::vector<std::byte> bytes;
  for (std::size_t i = first; i < first + count; ++i) bytes.push_back(static_cast<std::byte>(i));
  return bytes;
}

TEST(ByteQueue, GivesBytesBackInOrderWhateverTheSizesOfPutAndTake) {
  ByteQueue queue;
  std::size_t put = 0;
  std::size_t taken = 0;
  for (std::size_t round = 1; round < 200; ++round) {
    queue.append(counting(put, round % 17));
    put += round % 17;
    const auto front = queue.front(round % 13);
    for (std::size_t i = 0; i < front.size(); ++i) {
      ASSERT_EQ(front[i], static_cast<std::byte>(taken + i)) << "round " << round;
    }
    taken += front.size();
    queue.discard(front.size());
    ASSERT_EQ(queue.size(), put - taken);
  }
  EXPECT_GT(taken, 1000U);
}

TEST(ByteQueue, FrontNeverShowsMoreThanThereIs) {
  ByteQueue queue;
  EXPECT_TRUE(queue.front(10).empty());
  queue.append(counting(0, 3));
  EXPECT_EQ(queue.front(10).size(), 3U);
}

TEST(ByteQueueDeathTest, DroppingMoreThanThereIsIsAProgrammersError) {
  ByteQueue queue;
  queue.append(counting(0, 3));
  EXPECT_DEATH(queue.discard(4), "CHECK failed");
}

}  // namespace
}  // namespace backends
