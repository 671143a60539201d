#include "backends/socket/relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "tests/backends/socket/two_sides.h"

namespace backends::socket {
namespace {

constexpr std::size_t kBulk = 8U << 20U;

// What holds for a relay of either engine.
class RelayOfEngine : public testing::TestWithParam<std::string> {};

// What an idle session costs: two connections and a relay, with their slots in the slabs.
// The session of proxy/ has about 220 bytes of the 512 that the issue allows.
TEST(Relay, AnIdleSessionIsSmall) {
  constexpr std::size_t kSlotOverhead = 8;
  EXPECT_LE(2 * (sizeof(SocketConnection) + kSlotOverhead) + sizeof(Relay) + kSlotOverhead, 240U);
}

// The io_uring engine's messages make other calls: tests/backends/io_uring/uring_relay_test.cc.
TEST(Relay, AMessageCostsOneReceiveOneSendAndOnePoll) {
  TwoSides two;
  ASSERT_TRUE(two.pass(64, 64));  // Past the set-up.
  constexpr std::uint64_t kMessages = 50;
  const std::uint64_t receives = two.calls(Syscall::kReceive);
  const std::uint64_t sends = two.calls(Syscall::kSend);
  std::array<char, 64> bytes{};
  for (std::uint64_t i = 0; i < kMessages; ++i) {
    ASSERT_EQ(::send(two.client.get(), bytes.data(), bytes.size(), 0), 64);
    const std::uint64_t polls = two.transport->stats().polls;
    two.poll(std::chrono::seconds(5));
    EXPECT_EQ(two.transport->stats().polls, polls + 1);
    ASSERT_EQ(::recv(two.upstream.get(), bytes.data(), bytes.size(), 0), 64);
  }
  EXPECT_EQ(two.calls(Syscall::kReceive) - receives, kMessages);
  EXPECT_EQ(two.calls(Syscall::kSend) - sends, kMessages);
}

TEST_P(RelayOfEngine, BulkIsPromotedToSpliceAndSmallMessagesBringItBack) {
  TwoSides two(GetParam());
  ASSERT_TRUE(two.pass(1000, 100));
  EXPECT_EQ(two.transport->stats().promotions, 0U);
  EXPECT_EQ(two.moved_by(Method::kSplice), 0U);
  ASSERT_TRUE(two.pass(kBulk, 1U << 20U));
  EXPECT_EQ(two.transport->stats().promotions, 1U);
  EXPECT_GT(two.moved_by(Method::kSplice), kBulk / 2);
  ASSERT_TRUE(two.pass(10'000, 100));
  EXPECT_EQ(two.transport->stats().demotions, 1U);
  EXPECT_EQ(two.transport->stats().pipes_borrowed, 0U);
  EXPECT_EQ(two.transport->stats().held_bytes, 0U);
  EXPECT_EQ(two.progress.bytes[0], 1000 + kBulk + 10'000);
}

TEST_P(RelayOfEngine, WithoutAPipeBulkIsCopied) {
  TransportOptions options;
  options.pipes_max = 0;
  TwoSides two(GetParam(), options);
  ASSERT_TRUE(two.pass(kBulk, 1U << 20U));
  EXPECT_EQ(two.moved_by(Method::kSplice), 0U);
  EXPECT_EQ(two.moved_by(Method::kCopy) + two.moved_by(Method::kUring), kBulk);
  EXPECT_GT(two.transport->stats().pipes_exhausted, 0U);
  // Asked for only after each row of bulk reads, not at each read.
  EXPECT_LE(two.transport->stats().pipes_exhausted,
            (two.calls(Syscall::kReceive) + two.transport->stats().completions) /
                BulkRule::kPromoteAfter);
}

TEST_P(RelayOfEngine, ASmallPipeStillMovesEverything) {
  TransportOptions options;
  options.pipe_bytes = 4096;
  TwoSides two(GetParam(), options);
  ASSERT_TRUE(two.pass(kBulk, 1U << 20U));
  EXPECT_GT(two.moved_by(Method::kSplice), 0U);
}

// A stalled receiver keeps bytes in the pipe; an abort must not let them reach the next session.
TEST_P(RelayOfEngine, APipeWithBytesIsNotUsedAgain) {
  TwoSides two(GetParam(), {}, 16 * 1024);
  std::vector<char> bytes(1U << 20U);
  // Until the pipe is stuck: promoted, then the receiver's buffers are full.
  for (int round = 0; round < 2000 && two.transport->stats().pipes_borrowed == 0; ++round) {
    static_cast<void>(::send(two.client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT));
    two.poll(std::chrono::milliseconds(1));
  }
  ASSERT_EQ(two.transport->stats().pipes_borrowed, 1U);
  ASSERT_GT(two.transport->stats().held_bytes, 0U);
  two.transport->abort(two.relay);
  EXPECT_EQ(two.transport->stats().pipes_borrowed, 0U);
  EXPECT_EQ(two.transport->stats().pipes_open, 0U);
  EXPECT_EQ(two.transport->stats().held_bytes, 0U);
}

TEST_P(RelayOfEngine, AnUrgentByteIsRelayedInItsPlace) {
  TwoSides two(GetParam());
  std::string got;
  std::array<char, 16> bytes{};
  ASSERT_EQ(::send(two.client.get(), "ab", 2, 0), 2);
  ASSERT_EQ(::send(two.client.get(), "!", 1, MSG_OOB), 1);
  ASSERT_EQ(::send(two.client.get(), "cd", 2, 0), 2);
  for (int round = 0; round < 1000 && got.size() < 5; ++round) {
    two.poll(std::chrono::milliseconds(1));
    const ssize_t count = ::recv(two.upstream.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) got.append(bytes.data(), static_cast<std::size_t>(count));
  }
  EXPECT_EQ(got, "ab!cd");
  // No spin: the mark stays set in the kernel, and an edge is told once.
  const std::uint64_t receives = two.calls(Syscall::kReceive);
  for (int round = 0; round < 50; ++round) two.poll(std::chrono::milliseconds(1));
  EXPECT_LE(two.calls(Syscall::kReceive), receives + 1);
}

TEST_P(RelayOfEngine, AnUrgentByteAmongBulkDoesNotStall) {
  TwoSides two(GetParam());
  ASSERT_TRUE(two.pass(kBulk, 1U << 20U));
  ASSERT_GT(two.transport->stats().promotions, 0U);
  ASSERT_EQ(::send(two.client.get(), "!", 1, MSG_OOB), 1);
  ASSERT_EQ(::send(two.client.get(), "after", 5, 0), 5);
  std::string got;
  std::array<char, 16> bytes{};
  for (int round = 0; round < 1000 && got.size() < 6; ++round) {
    two.poll(std::chrono::milliseconds(1));
    const ssize_t count = ::recv(two.upstream.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) got.append(bytes.data(), static_cast<std::size_t>(count));
  }
  EXPECT_EQ(got, "!after");
}

INSTANTIATE_TEST_SUITE_P(Engines, RelayOfEngine, testing::ValuesIn(usable_engines()),
                         [](const auto& parameter) { return parameter.param; });

// The kernel answers EINVAL to every splice(2) of this process whose first argument is the reading
// end of a pipe or not, as asked. For the children of death tests: it cannot be undone.
enum class Refuse { kFromSocket, kFromPipe };

void refuse_splice(Refuse which, int lowest_pipe_fd) {
  // Descriptors of pipes are made last, so they are the highest; that is all a filter can see.
  const auto limit = static_cast<std::uint32_t>(lowest_pipe_fd);
  const auto refused = static_cast<std::uint32_t>(SECCOMP_RET_ERRNO) | EINVAL;
  const std::uint32_t above = which == Refuse::kFromPipe ? refused : SECCOMP_RET_ALLOW;
  const std::uint32_t below = which == Refuse::kFromPipe ? SECCOMP_RET_ALLOW : refused;
  std::array<sock_filter, 7> code{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 4, __NR_splice},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args)},
      {BPF_JMP | BPF_JGE | BPF_K, 0, 1, limit},
      {BPF_RET | BPF_K, 0, 0, above},
      {BPF_RET | BPF_K, 0, 0, below},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  const sock_fprog program{.len = code.size(), .filter = code.data()};
  CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

// Runs in a child process; its exit code is the verdict.
[[noreturn]] void pass_with_refusal(std::string_view engine, Refuse which) {
  TwoSides two(engine);
  const int next_fd = ::dup(STDERR_FILENO);
  refuse_splice(which, next_fd);
  ::close(next_fd);
  bool good = two.pass(kBulk, 1U << 20U);
  const TransportStats& stats = two.transport->stats();
  good = good && stats.splice_refused == 1 && stats.promotions == 1 && stats.held_bytes == 0 &&
         stats.pipes_borrowed == 0 && two.moved_by(Method::kSplice) == 0 &&
         two.moved_by(Method::kCopy) + two.moved_by(Method::kUring) == kBulk;
  ::_exit(good ? 0 : 1);
}

class RelayDeathTest : public testing::TestWithParam<std::string> {};

TEST_P(RelayDeathTest, ASocketThatCannotBeSplicedFromIsCopiedForEver) {
  EXPECT_EXIT(pass_with_refusal(GetParam(), Refuse::kFromSocket), testing::ExitedWithCode(0), "");
}

TEST_P(RelayDeathTest, BytesInAPipeThatCannotBeSplicedOnAreNotLost) {
  EXPECT_EXIT(pass_with_refusal(GetParam(), Refuse::kFromPipe), testing::ExitedWithCode(0), "");
}

INSTANTIATE_TEST_SUITE_P(Engines, RelayDeathTest, testing::ValuesIn(usable_engines()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace backends::socket
