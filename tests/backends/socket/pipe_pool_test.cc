#include "backends/socket/pipe_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "base/fd.h"

namespace backends::socket {
namespace {

constexpr std::size_t kShare = 16U << 20U;
constexpr base::Nanos kNow = std::chrono::hours(1);
constexpr base::Nanos kMuchLater = kNow + std::chrono::minutes(1);

TEST(PipePool, MakesAPipeOnlyWhenItIsBorrowed) {
  TransportStats stats;
  PipePool pool(3, 0, kShare, stats);
  EXPECT_EQ(stats.pipes_max, 3U);
  EXPECT_EQ(stats.pipes_open, 0U);
  Pipe* pipe = pool.borrow(kNow);
  ASSERT_NE(pipe, nullptr);
  EXPECT_EQ(stats.pipes_open, 1U);
  EXPECT_EQ(stats.pipes_borrowed, 1U);
  pool.give_back(pipe);
  EXPECT_EQ(stats.pipes_open, 1U);
  EXPECT_EQ(stats.pipes_borrowed, 0U);
  EXPECT_EQ(pool.borrow(kNow), pipe) << "the one that is still in the cache";
}

TEST(PipePool, HasThePipesItWasGivenAndNoMore) {
  TransportStats stats;
  PipePool pool(2, 0, kShare, stats);
  Pipe* first = pool.borrow(kNow);
  Pipe* second = pool.borrow(kNow);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  EXPECT_NE(first, second);
  EXPECT_EQ(pool.borrow(kNow), nullptr);
  EXPECT_EQ(stats.pipes_exhausted, 1U);
  pool.give_back(second);
  EXPECT_EQ(pool.borrow(kNow), second);
}

TEST(PipePool, WithoutPipesEverybodyCopies) {
  TransportStats stats;
  PipePool pool(0, 0, kShare, stats);
  EXPECT_EQ(pool.borrow(kNow), nullptr);
  EXPECT_EQ(stats.pipes_exhausted, 1U);
}

TEST(PipePool, APipeIsNonBlockingAndAsLargeAsTheKernelSays) {
  TransportStats stats;
  PipePool pool(1, std::size_t{128} * 1024, kShare, stats);
  Pipe* pipe = pool.borrow(kNow);
  ASSERT_NE(pipe, nullptr);
  EXPECT_EQ(pipe->bytes, static_cast<std::size_t>(::fcntl(pipe->in.get(), F_GETPIPE_SZ)));
  EXPECT_NE(::fcntl(pipe->in.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(pipe->out.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(pipe->out.get(), F_GETFD) & FD_CLOEXEC, 0);
}

// The sandboxes of CI and of the quickstart have no CAP_SYS_RESOURCE, so pipe-max-size holds.
TEST(PipePool, APipeThatTheKernelDoesNotEnlargeIsUsedAndCounted) {
  constexpr std::size_t kTooMuch = std::size_t{1} << 30U;
  TransportStats stats;
  PipePool pool(1, kTooMuch, kShare, stats);
  Pipe* pipe = pool.borrow(kNow);
  ASSERT_NE(pipe, nullptr);
  if (pipe->bytes >= kTooMuch) GTEST_SKIP() << "this process may have pipes of 1 GiB";
  EXPECT_EQ(stats.pipes_shrunk, 1U);
  EXPECT_GE(pipe->bytes, 64U * 1024U);
}

TEST(PipePool, PipesGetSmallerWhenTheWorkersShareIsUsedUp) {
  constexpr std::size_t kSmallShare = 1536UL * 1024;
  TransportStats stats;
  PipePool pool(8, 0, kSmallShare, stats);
  Pipe* first = pool.borrow(kNow);
  ASSERT_NE(first, nullptr);
  if (first->bytes != kPipeBytes) GTEST_SKIP() << "this kernel has no pipes of 1 MiB for us";
  EXPECT_EQ(pool.borrow(kNow)->bytes, 512U * 1024U);
  EXPECT_EQ(pool.borrow(kNow)->bytes, 64U * 1024U);
  // A large one that went makes room for a large one.
  pool.discard(first);
  EXPECT_GE(pool.borrow(kNow)->bytes, 512U * 1024U);
  EXPECT_EQ(stats.pipes_shrunk, 0U) << "nobody asked for more";
}

TEST(PipePool, AWorkersShareIsPartOfTheUsers) {
  EXPECT_GE(pipe_share_of_a_worker(), 64U * 1024U);
  EXPECT_LE(pipe_share_of_a_worker(), std::size_t{1} << 32U);
}

TEST(PipePool, ADiscardedPipeIsClosedAndReplacedByAnEmptyOne) {
  TransportStats stats;
  PipePool pool(1, 0, kShare, stats);
  Pipe* pipe = pool.borrow(kNow);
  ASSERT_NE(pipe, nullptr);
  ASSERT_EQ(::write(pipe->in.get(), "secret", 6), 6);
  pool.discard(pipe);
  EXPECT_EQ(stats.pipes_open, 0U);
  EXPECT_EQ(stats.pipes_borrowed, 0U);
  Pipe* next = pool.borrow(kNow);
  ASSERT_NE(next, nullptr);
  std::array<char, 16> bytes{};
  EXPECT_EQ(::read(next->out.get(), bytes.data(), bytes.size()), -1) << "bytes of another session";
  EXPECT_EQ(errno, EAGAIN);
}

TEST(PipePool, AKernelThatRefusesIsNotAskedAgainAtOnce) {
  TransportStats stats;
  PipePool pool(2, 0, kShare, stats);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  base::UniqueFd lowest(::dup(STDERR_FILENO));
  ASSERT_TRUE(lowest);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(lowest.get());
  lowest.close();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  Pipe* refused = pool.borrow(kNow);
  Pipe* too_soon = pool.borrow(kNow);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(refused, nullptr);
  EXPECT_EQ(too_soon, nullptr);
  EXPECT_EQ(stats.pipes_failed, 1U);
  EXPECT_EQ(stats.pipes_exhausted, 2U);
  EXPECT_EQ(pool.borrow(kNow), nullptr);
  EXPECT_NE(pool.borrow(kMuchLater), nullptr);
}

}  // namespace
}  // namespace backends::socket
