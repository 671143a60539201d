#include "backends/io_uring/uring_engine.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <utility>

#include "backends/io_uring/buffer_ring.h"
#include "backends/io_uring/ring.h"
#include "backends/io_uring/self_test.h"
#include "backends/io_uring/uring_transport.h"
#include "base/fd.h"

namespace backends::io_uring {
namespace {

// kernel.io_uring_disabled (6.6): 1 for everybody without CAP_SYS_ADMIN and outside of
// kernel.io_uring_group, 2 for all. 0 where there is no such thing.
int disabled_by_sysctl() {
  std::ifstream file("/proc/sys/kernel/io_uring_disabled");
  int level = 0;
  return file >> level ? level : 0;
}

EngineInfo refused(RefusalCause cause, std::string reason) {
  return {.name = "io_uring", .cause = cause, .reason = std::move(reason)};
}

EngineInfo explain(base::Errno error) {
  const std::string text = base::errno_text(error);
  switch (base::code_of(error)) {
    case ENOSYS:
      return refused(RefusalCause::kNotInKernel,
                     "this kernel has no io_uring, or a seccomp filter hides it (" + text + ")");
    case EPERM:
    case EACCES:
      if (const int level = disabled_by_sysctl(); level != 0) {
        return refused(RefusalCause::kDisabled,
                       "kernel.io_uring_disabled is " + std::to_string(level) +
                           (level == 1 ? ", and this process has no CAP_SYS_ADMIN and is not in "
                                         "kernel.io_uring_group"
                                       : "") +
                           " (" + text + ")");
      }
      return refused(RefusalCause::kDenied,
                     "a seccomp filter or a security module forbids it, as container runtimes do "
                     "by default (" +
                         text + ")");
    case ENOMEM:
      return refused(
          RefusalCause::kMemory,
          "the limit of locked memory (RLIMIT_MEMLOCK) is too low, or there is no memory "
          "(" +
              text + ")");
    case EMFILE:
    case ENFILE:
      return refused(RefusalCause::kDescriptors, "no descriptor is left for a ring (" + text + ")");
    case EINVAL:
    case EOPNOTSUPP:
      return refused(
          RefusalCause::kTooOld,
          "this kernel's io_uring lacks what the engine needs, Linux 6.0 has it (" + text + ")");
    default:
      return refused(RefusalCause::kOther, text);
  }
}

EngineInfo probe() {
  const auto ring = Ring::open();
  if (!ring) return explain(ring.error());
  const auto failure = test_on_loopback(**ring);
  if (!failure) return {.name = "io_uring", .usable = true, .reason = {}};
  EngineInfo info = explain(failure->error);
  info.reason = failure->step + ": " + info.reason;
  return info;
}

base::Result<std::unique_ptr<Transport>> make(const TransportOptions& options,
                                              const socket::Claims& claims) {
  auto ring = Ring::open();
  if (!ring) return base::failure(ring.error());
  auto buffers = BufferRing::open(**ring, options.receive_buffers_bytes);
  if (!buffers) return base::failure(buffers.error());
  base::UniqueFd wake_fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_fd) return base::failure_of_errno();
  return std::make_unique<UringTransport>(options, claims, *std::move(ring), *std::move(buffers),
                                          std::move(wake_fd));
}

}  // namespace

socket::Engine engine() {
  return {.name = "io_uring", .probe = probe, .make = make, .explain = explain};
}

}  // namespace backends::io_uring
