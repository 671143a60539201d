#include "proxy/standard_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace {

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

// In a process of its own, because it closes what the test needs.
TEST(StandardDescriptorsDeathTest, OpensWhatIsClosedAndNothingElse) {
  const auto check = [] {
    close(STDIN_FILENO);
    close(STDERR_FILENO);
    const int before = dup(STDOUT_FILENO);  // Takes stdin's place: it is the lowest that is free.
    close(before);
    proxy::open_standard_descriptors();
    if (!is_open(STDIN_FILENO) || !is_open(STDOUT_FILENO) || !is_open(STDERR_FILENO)) _exit(1);
    const int next = dup(STDOUT_FILENO);
    close(next);
    _exit(next > STDERR_FILENO ? 0 : 2);
  };
  EXPECT_EXIT(check(), testing::ExitedWithCode(0), "");
}

TEST(StandardDescriptors, LeavesEverythingAloneWhenAllAreOpen) {
  const int before = dup(STDOUT_FILENO);
  ASSERT_GT(before, STDERR_FILENO);
  close(before);
  proxy::open_standard_descriptors();
  const int after = dup(STDOUT_FILENO);
  EXPECT_EQ(after, before);
  close(after);
}

}  // namespace
