#include "proxy/syscall_filter.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <string>

#include "base/errno.h"

namespace proxy {
namespace {

// Grouped by who needs them; docs/operations.md tells how to find one that is missing. The same
// call may have several names, because C libraries and architectures differ: a name that this
// architecture does not have is no error.
constexpr std::array kCalls = {
    // Descriptors and files: the configuration, logs, /proc.
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(close), SCMP_SYS(close_range),
    SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(fcntl), SCMP_SYS(lseek), SCMP_SYS(open),
    SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64), SCMP_SYS(getcwd), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fadvise64), SCMP_SYS(flock),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(umask),
    // The mode and group of a UNIX socket. Without CAP_CHOWN only to groups that we are in.
    SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(lchown),
    SCMP_SYS(fchown), SCMP_SYS(fchownat),
    // A configuration file that is watched; a large message for journald.
    SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch),
    SCMP_SYS(memfd_create),
    // Waiting and waking.
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2), SCMP_SYS(signalfd4), SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime),
    // Sockets, but for socket(2) itself. A descriptor that is handed over is a socket of ours.
    SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(connect),
    SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown), SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg),
    // Moving bytes: the pipes of splice(2), the pages of the metrics port.
    SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(splice), SCMP_SYS(tee), SCMP_SYS(sendfile),
    SCMP_SYS(sendfile64),
    // The engine of that name. What its ring is asked for does not pass a filter at all.
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    // Memory. Mapping and protecting are below.
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock),
    SCMP_SYS(mlock2), SCMP_SYS(munlock), SCMP_SYS(mincore),
    // Threads of the program, their names and processors. Making one is below.
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(set_tid_address), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_get_priority_min),
    SCMP_SYS(sched_get_priority_max), SCMP_SYS(getcpu), SCMP_SYS(membarrier), SCMP_SYS(gettid),
    // Who and where we are.
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
    SCMP_SYS(getegid), SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(getgroups),
    SCMP_SYS(capget), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getrusage), SCMP_SYS(times),
    SCMP_SYS(getrlimit), SCMP_SYS(setrlimit), SCMP_SYS(getrandom),
    // Signals.
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigpending), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    // Time, for processes whose vDSO has no clock.
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time)};

// Read or set what no other descriptor could be harmed by: how much waits, blocking or not, whether
// it is a terminal, the number of an interface.
constexpr std::array<unsigned long, 7> kIoctls = {FIONREAD,   TIOCOUTQ,     FIONBIO,    TCGETS,
                                                  TIOCGWINSZ, SIOCGIFINDEX, SIOCGIFNAME};
// PR_SET_VMA names memory for /proc; newer C libraries do that. The kernel's headers of Debian 12
// have its number.
constexpr std::array<int, 6> kPrctls = {PR_SET_NAME,     PR_GET_NAME, PR_GET_DUMPABLE,
                                        PR_CAPBSET_READ, PR_SET_VMA,  PR_GET_NO_NEW_PRIVS};
constexpr std::array<int, 3> kFamilies = {AF_INET, AF_INET6, AF_UNIX};
// Without its flags. No raw sockets, whatever capabilities there are.
constexpr std::array<int, 2> kSocketTypes = {SOCK_STREAM, SOCK_DGRAM};
constexpr scmp_datum_t kSocketTypeMask = 0xf;

// A thread of ours, never a process of its own, and nothing of it in a new namespace.
constexpr scmp_datum_t kCloneMask = CLONE_THREAD | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

scmp_datum_t datum(long value) { return static_cast<scmp_datum_t>(value); }

// The library has macros for these, in a C that C++ does not have.
constexpr scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
}
constexpr scmp_arg_cmp equals_under(scmp_datum_t mask, unsigned argument, scmp_datum_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

// Adds rules until one fails; then it remembers that and adds no more.
class Rules {
 public:
  // What is not allowed fails like a right that is not there.
  Rules() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;
  ~Rules() { seccomp_release(context_); }

  void allow(int call) { add(SCMP_ACT_ALLOW, call, {}); }
  void allow(int call, std::initializer_list<scmp_arg_cmp> when) {
    add(SCMP_ACT_ALLOW, call, when);
  }
  void refuse(int call, int error) { add(SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, {}); }
  void set(scmp_filter_attr attribute, std::uint32_t value) {
    if (error_ == 0) error_ = seccomp_attr_set(context_, attribute, value);
  }
  int load() {
    if (error_ == 0) error_ = seccomp_load(context_);
    return error_;
  }

 private:
  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> when) {
    if (error_ != 0) return;
    const int added = seccomp_rule_add_array(context_, action, call,
                                             static_cast<unsigned>(when.size()), when.begin());
    // -EDOM: a call that this architecture does not have.
    if (added != -EDOM) error_ = added;
  }

  scmp_filter_ctx context_;
  int error_ = 0;
};

void add_rules_with_arguments(Rules& rules) {
  for (const int family : kFamilies) {
    for (const int type : kSocketTypes) {
      const std::initializer_list<scmp_arg_cmp> when = {
          equals(0, datum(family)), equals_under(kSocketTypeMask, 1, datum(type))};
      rules.allow(SCMP_SYS(socket), when);
    }
  }
  rules.allow(SCMP_SYS(socketpair), {equals(0, datum(AF_UNIX))});
  for (const unsigned long request : kIoctls) {
    rules.allow(SCMP_SYS(ioctl), {equals_under(0xffffffff, 1, request)});
  }
  for (const int option : kPrctls) {
    rules.allow(SCMP_SYS(prctl), {equals(0, datum(option))});
  }
  // Limits of this process: it raises its own descriptors.
  rules.allow(SCMP_SYS(prlimit64), {equals(0, 0)});
  // Code is what was loaded: no page that could be written is ever run.
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)}) {
    rules.allow(call, {equals_under(datum(PROT_EXEC), 2, 0)});
  }
  rules.allow(SCMP_SYS(clone), {equals_under(kCloneMask, 0, datum(CLONE_THREAD))});
  // Its flags are in memory, where a filter cannot look. ENOSYS, and the C library takes clone(2);
  // any other error and it gives up.
  rules.refuse(SCMP_SYS(clone3), ENOSYS);
  // abort(), and glibc's ways between its own threads: only ever this process.
  rules.allow(SCMP_SYS(tgkill), {equals(0, datum(::getpid()))});
}

}  // namespace

std::optional<std::string_view> syscall_filter_obstacle() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return "this binary was built with a sanitizer, which makes system calls of its own";
#else
  return std::nullopt;
#endif
}

base::Parsed<void> apply_syscall_filter() {
  Rules rules;
  // All threads or none: there are none yet, and if there were they would be under it as well.
  rules.set(SCMP_FLTATR_CTL_TSYNC, 1);
  rules.set(SCMP_FLTATR_CTL_NNP, 1);
  // The kernel may tell of refused calls: kernel.seccomp.actions_logged.
  rules.set(SCMP_FLTATR_CTL_LOG, 1);
  // A search instead of one comparison after the other.
  rules.set(SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const int call : kCalls) rules.allow(call);
  add_rules_with_arguments(rules);
  const int error = rules.load();
  if (error == 0) return {};
  return base::failure("the kernel does not take a filter of system calls: " +
                       base::errno_text(base::to_errno(-error)));
}

}  // namespace proxy
