#include "backends/io_uring/self_test.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tests/backends/io_uring/uring_fixture.h"

namespace backends::io_uring {
namespace {

class SelfTestTest : public UringTest {};
class SelfTestDeathTest : public UringTest {};

TEST_F(SelfTestTest, PassesHereAgainAndAgainAndLeavesNothingBehind) {
  const int next = next_descriptor();
  for (int round = 0; round < 5; ++round) {
    const auto ring = *Ring::open();
    const auto failure = test_on_loopback(*ring);
    EXPECT_FALSE(failure) << failure->step << ": " << base::errno_text(failure->error);
  }
  EXPECT_EQ(next_descriptor(), next);
}

TEST_F(SelfTestTest, NamesTheStepThatFoundNoDescriptor) {
  const struct {
    int left;
    const char* step;
  } cases[] = {{0, "a listener on loopback"},
               {1, "a multishot accept"},   // The client's socket;
               {2, "a multishot accept"}};  // the accepted one.
  for (const auto& [left, step] : cases) {
    const auto ring = *Ring::open();
    const DescriptorsLeft few(left);
    const auto failure = test_on_loopback(*ring);
    ASSERT_TRUE(failure) << left;
    EXPECT_EQ(failure->step, step) << left;
    EXPECT_EQ(failure->error, base::to_errno(EMFILE)) << left;
  }
}

TEST_F(SelfTestTest, NamesTheStepThatARingInUseCannotTake) {
  const auto ring = *Ring::open();
  ASSERT_FALSE(test_on_loopback(*ring));
  const auto failure = test_on_loopback(*ring);  // Its group of buffers is taken.
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->step, "a ring of buffers");
}

// Runs in a child process; its exit code is the verdict.
[[noreturn]] void test_without(int system_call, const char* step) {
  const auto ring = *Ring::open();
  refuse_system_call(system_call, EPERM);
  const auto failure = test_on_loopback(*ring);
  ::_exit(failure && failure->step == step && failure->error == base::to_errno(EPERM) ? 0 : 1);
}

TEST_F(SelfTestDeathTest, NamesTheStepThatAFilterRefuses) {
  EXPECT_EXIT(test_without(__NR_io_uring_register, "a ring of buffers"), testing::ExitedWithCode(0),
              "");
  EXPECT_EXIT(test_without(__NR_listen, "a listener on loopback"), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(test_without(__NR_connect, "a multishot accept"), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace backends::io_uring
