// What the tests of the io_uring engine begin with: a machine that has it, and ways to take pieces
// of it away again.
#pragma once

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "backends/io_uring/uring_engine.h"
#include "base/assert.h"

namespace backends::io_uring {

class UringTest : public testing::Test {
 protected:
  void SetUp() override {
    const EngineInfo info = engine().probe();
    if (!info.usable) GTEST_SKIP() << "no io_uring here: " << info.reason;
  }
};

// The number that the next descriptor of this process will have.
inline int next_descriptor() {
  const int next = ::dup(STDERR_FILENO);
  CHECK(next >= 0);
  ::close(next);
  return next;
}

// While it lives, the process may open so many descriptors more.
class DescriptorsLeft {
 public:
  explicit DescriptorsLeft(int count) {
    CHECK(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const rlimit fewer{.rlim_cur = static_cast<rlim_t>(next_descriptor() + count),
                       .rlim_max = before_.rlim_max};
    CHECK(::setrlimit(RLIMIT_NOFILE, &fewer) == 0);
  }
  DescriptorsLeft(const DescriptorsLeft&) = delete;
  DescriptorsLeft& operator=(const DescriptorsLeft&) = delete;
  ~DescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// The kernel answers this error to every such call of this process. For the children of death
// tests: it cannot be undone.
inline void refuse_system_call(int number, int error) {
  const auto refused =
      static_cast<std::uint32_t>(SECCOMP_RET_ERRNO) | static_cast<std::uint32_t>(error);
  std::array<sock_filter, 4> code{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(number)},
      {BPF_RET | BPF_K, 0, 0, refused},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  const sock_fprog program{.len = code.size(), .filter = code.data()};
  CHECK(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

}  // namespace backends::io_uring
