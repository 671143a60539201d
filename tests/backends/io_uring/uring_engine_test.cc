#include "backends/io_uring/uring_engine.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "backends/io_uring/buffer_ring.h"
#include "tests/backends/io_uring/uring_fixture.h"

namespace backends::io_uring {
namespace {

class UringEngineTest : public UringTest {};
class UringEngineDeathTest : public UringTest {};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool disabled_by_sysctl() {
  std::ifstream file("/proc/sys/kernel/io_uring_disabled");
  int level = 0;
  return file >> level && level != 0;
}

TEST(UringEngine, ProbesWithAReasonOrWithout) {
  const EngineInfo info = engine().probe();
  EXPECT_EQ(info.name, "io_uring");
  EXPECT_EQ(info.usable, info.reason.empty()) << info.reason;
}

TEST(UringEngine, EachRefusalHasItsCauseAndSaysWhatToDo) {
  const struct {
    int error;
    RefusalCause cause;
    const char* hint;
  } cases[] = {
      {ENOSYS, RefusalCause::kNotInKernel, "this kernel has no io_uring"},
      {ENOMEM, RefusalCause::kMemory, "RLIMIT_MEMLOCK"},
      {EMFILE, RefusalCause::kDescriptors, "no descriptor is left"},
      {ENFILE, RefusalCause::kDescriptors, "no descriptor is left"},
      {EINVAL, RefusalCause::kTooOld, "Linux 6.0"},
      {EOPNOTSUPP, RefusalCause::kTooOld, "Linux 6.0"},
      {EIO, RefusalCause::kOther, ""},
  };
  for (const auto& [error, cause, hint] : cases) {
    const std::string text = base::errno_text(base::to_errno(error));
    const EngineInfo info = engine().explain(base::to_errno(error));
    EXPECT_EQ(info.name, "io_uring") << text;
    EXPECT_FALSE(info.usable) << text;
    EXPECT_EQ(info.cause, cause) << text;
    EXPECT_TRUE(contains(info.reason, hint)) << info.reason;
    EXPECT_TRUE(contains(info.reason, text)) << info.reason;
  }
}

TEST(UringEngine, AMissingRightIsTheSysctlsOrAFilters) {
  for (const int error : {EPERM, EACCES}) {
    const EngineInfo info = engine().explain(base::to_errno(error));
    EXPECT_EQ(info.cause, disabled_by_sysctl() ? RefusalCause::kDisabled : RefusalCause::kDenied);
    EXPECT_TRUE(contains(info.reason,
                         disabled_by_sysctl() ? "kernel.io_uring_disabled" : "a seccomp filter"))
        << info.reason;
    EXPECT_TRUE(contains(info.reason, base::errno_text(base::to_errno(error)))) << info.reason;
  }
}

TEST_F(UringEngineTest, MakesTransportsOfItsNameWithTheBuffersThatWereAskedFor) {
  const socket::Claims claims;
  TransportOptions options;
  options.receive_buffers_bytes = 256UL * 1024;
  const auto transport = engine().make(options, claims);
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->name(), "io_uring");
  EXPECT_EQ((*transport)->stats().buffers_max, options.receive_buffers_bytes / kReceiveBytes);
}

// A ring, and the descriptor by which it is woken.
TEST_F(UringEngineTest, WithoutDescriptorsAMakeFailsAndLeavesNothingBehind) {
  const socket::Claims claims;
  const int next = next_descriptor();
  for (const int left : {0, 1}) {
    const DescriptorsLeft few(left);
    const auto transport = engine().make({}, claims);
    ASSERT_FALSE(transport) << left;
    EXPECT_EQ(transport.error(), base::to_errno(EMFILE)) << left;
  }
  EXPECT_EQ(next_descriptor(), next);
  EXPECT_TRUE(engine().make({}, claims));
}

TEST_F(UringEngineTest, AProbeWithoutDescriptorsSaysSo) {
  const DescriptorsLeft none(0);
  const EngineInfo info = engine().probe();
  EXPECT_FALSE(info.usable);
  EXPECT_EQ(info.cause, RefusalCause::kDescriptors);
}

// Runs in a child process; its exit code is the verdict.
[[noreturn]] void probe_without(int system_call, int error, RefusalCause cause,
                                const std::string& begin) {
  refuse_system_call(system_call, error);
  const EngineInfo info = engine().probe();
  ::_exit(!info.usable && info.cause == cause && info.reason.starts_with(begin) ? 0 : 1);
}

TEST_F(UringEngineDeathTest, AFilterIsFoundByTheProbe) {
  if (disabled_by_sysctl()) GTEST_SKIP() << "kernel.io_uring_disabled explains every EPERM here";
  EXPECT_EXIT(probe_without(__NR_io_uring_setup, EPERM, RefusalCause::kDenied, "a seccomp filter"),
              testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      probe_without(__NR_io_uring_setup, ENOSYS, RefusalCause::kNotInKernel, "this kernel has no"),
      testing::ExitedWithCode(0), "");
  EXPECT_EXIT(probe_without(__NR_io_uring_register, EPERM, RefusalCause::kDenied,
                            "a ring of buffers: a seccomp filter"),
              testing::ExitedWithCode(0), "");
  EXPECT_EXIT(probe_without(__NR_io_uring_register, EINVAL, RefusalCause::kTooOld,
                            "a ring of buffers: this kernel's io_uring lacks"),
              testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace backends::io_uring
