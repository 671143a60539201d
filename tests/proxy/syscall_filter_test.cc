// Under the filter: what must fail fails with EPERM, and what the program lives on works. Each case
// in a child of its own, because there is no way back. That the list has all that the program
// needs, the integration tests say: `millrace run` is under it by default.
#include "proxy/syscall_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include "backends/transport_factory.h"
#include "tests/proxy/in_child.h"

namespace proxy {
namespace {

using testing::in_child;

// A call that must not be; a program that it started would end with another exit code than 0.
struct Forbidden {
  const char* name;
  long (*call)();
  int error;
};

long clone3_of_nothing() { return ::syscall(SYS_clone3, nullptr, 0); }

const Forbidden kForbidden[] = {
    {"execve",
     [] {
       char* const none[] = {nullptr};
       return long{::execve("/bin/false", none, none)};
     },
     EPERM},
    {"execveat", [] { return ::syscall(SYS_execveat, AT_FDCWD, "/bin/false", 0, 0, 0); }, EPERM},
    {"fork", [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }, EPERM},
    {"vfork", [] { return ::syscall(SYS_vfork); }, EPERM},
    {"ptrace", [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }, EPERM},
    {"process_vm_readv", [] { return ::syscall(SYS_process_vm_readv, ::getpid(), 0, 0, 0, 0, 0); },
     EPERM},
    {"mount", [] { return long{::mount("none", "/mnt", "tmpfs", 0, nullptr)}; }, EPERM},
    {"unshare", [] { return long{::unshare(CLONE_NEWNS)}; }, EPERM},
    {"setns", [] { return long{::setns(0, 0)}; }, EPERM},
    {"chroot", [] { return long{::chroot("/")}; }, EPERM},
    {"setuid", [] { return ::syscall(SYS_setuid, ::getuid()); }, EPERM},
    {"bpf", [] { return ::syscall(SYS_bpf, 0, 0, 0); }, EPERM},
    {"perf_event_open", [] { return ::syscall(SYS_perf_event_open, 0, 0, 0, 0, 0); }, EPERM},
    {"keyctl", [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }, EPERM},
    {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, 0); }, EPERM},
    {"mknod", [] { return ::syscall(SYS_mknodat, AT_FDCWD, "/tmp/x", S_IFCHR, 0); }, EPERM},
    {"symlink", [] { return ::syscall(SYS_symlinkat, "/etc", AT_FDCWD, "/tmp/x"); }, EPERM},
    {"socket(AF_PACKET)", [] { return long{::socket(AF_PACKET, SOCK_RAW, 0)}; }, EPERM},
    {"socket(AF_NETLINK)", [] { return long{::socket(AF_NETLINK, SOCK_RAW, 0)}; }, EPERM},
    {"socket(SOCK_RAW)", [] { return long{::socket(AF_INET, SOCK_RAW, 1)}; }, EPERM},
    {"kill", [] { return long{::kill(::getppid(), 0)}; }, EPERM},
    {"tgkill", [] { return ::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0); }, EPERM},
    {"prctl(PR_SET_MM)", [] { return long{::prctl(PR_SET_MM, 0, 0, 0, 0)}; }, EPERM},
    {"ioctl(TIOCSTI)", [] { return ::syscall(SYS_ioctl, 0, 0x5412, 0); }, EPERM},
    {"prlimit64 of another", [] { return ::syscall(SYS_prlimit64, ::getppid(), 0, 0, 0); }, EPERM},
    {"mmap(PROT_EXEC)",
     [] {
       return ::syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                        0);
     },
     EPERM},
    // The C library then makes a thread with clone(2).
    {"clone3", clone3_of_nothing, ENOSYS},
};

class SyscallFilter : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = syscall_filter_obstacle()) GTEST_SKIP() << *why;
  }
};

class ForbiddenCall : public ::testing::TestWithParam<Forbidden> {};

TEST_P(ForbiddenCall, Fails) {
  if (const auto why = syscall_filter_obstacle()) GTEST_SKIP() << *why;
  const Forbidden& forbidden = GetParam();
  EXPECT_EQ(in_child([&] {
              if (!apply_syscall_filter()) return 1;
              errno = 0;
              if (forbidden.call() >= 0) return 2;
              return errno == forbidden.error ? 0 : 3;
            }),
            0)
      << forbidden.name;
}

INSTANTIATE_TEST_SUITE_P(All, ForbiddenCall, ::testing::ValuesIn(kForbidden),
                         [](const auto& parameter) {
                           std::string name = parameter.param.name;
                           std::erase_if(name, [](char c) { return std::isalnum(c) == 0; });
                           return name;
                         });

TEST_F(SyscallFilter, LetsEveryKernelEngineOfThisMachineWorkAndThreadsBegin) {
  EXPECT_EQ(in_child([] {
              if (!apply_syscall_filter()) return 1;
              for (const backends::EngineInfo& engine : backends::engines()) {
                if (engine.needs_ports || !engine.usable) continue;
                const auto factory = backends::make_transport_factory(engine.name);
                if (!factory) return 2;
                if (!(*factory)->make({.connections_max = 16, .clients_max = 8})) return 3;
              }
              bool ran = false;
              std::thread([&ran] { ran = true; }).join();
              return ran ? 0 : 4;
            }),
            0);
}

TEST_F(SyscallFilter, AllowsTheSameEnginesAsWithoutIt) {
  int usable = 0;
  for (const backends::EngineInfo& engine : backends::engines()) {
    usable += engine.usable && !engine.needs_ports ? 1 : 0;
  }
  EXPECT_EQ(in_child([] {
              if (!apply_syscall_filter()) return -1;
              int allowed = 0;
              for (const backends::EngineInfo& engine : backends::engines()) {
                allowed += engine.usable && !engine.needs_ports ? 1 : 0;
              }
              return allowed;
            }),
            usable);
}

TEST_F(SyscallFilter, HoldsForThreadsThatWereThereBefore) {
  EXPECT_EQ(in_child([] {
              std::atomic<int> state = 0;
              int error = 0;
              std::thread early([&] {
                state.wait(0);
                if (::socket(AF_NETLINK, SOCK_RAW, 0) < 0) error = errno;
              });
              const bool applied = apply_syscall_filter().has_value();
              state = 1;
              state.notify_all();
              early.join();
              return applied && error == EPERM ? 0 : 1;
            }),
            0);
}

TEST_F(SyscallFilter, LetsAFailedCheckStillEndTheProcess) {
  const pid_t child = ::fork();
  if (child == 0) {
    static_cast<void>(apply_syscall_filter());
    std::abort();
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

}  // namespace
}  // namespace proxy
