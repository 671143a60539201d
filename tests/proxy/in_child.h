// What cannot be taken back is done in a child: rights and system calls that a process gives up.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace proxy::testing {

// The exit code of a child that runs it, or -1 when a signal ended it. gtest's own expectations
// mean nothing in there.
template <typename Work>
int in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace proxy::testing
