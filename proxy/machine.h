// What `doctor` knows about the machine: settings of the kernel, read from a /proc tree, and what
// this process may do, asked of the kernel itself. Main thread; nothing here changes anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/transport_factory.h"
#include "base/errno.h"

namespace proxy {

// The kernel's settings as files below a root: "/" for this machine, another directory for a copy
// of one (a test's, or one brought from elsewhere).
class KernelSettings {
 public:
  explicit KernelSettings(std::string root) : root_(std::move(root)) {}

  // A file's text without the space around it, for example of "proc/sys/net/core/somaxconn".
  // Nothing when it cannot be read: service managers and containers hide parts of /proc.
  std::optional<std::string> text(std::string_view path) const;

  // All whole numbers of a file that holds nothing else; otherwise nothing.
  std::optional<std::vector<std::uint64_t>> numbers(std::string_view path) const;

  // The number of a file that holds exactly one.
  std::optional<std::uint64_t> number(std::string_view path) const;

 private:
  std::string root_;
};

// What the kernel lets this process do.
struct ProcessRights {
  std::uint64_t descriptors_soft = 0;  // RLIMIT_NOFILE.
  std::uint64_t descriptors_hard = 0;
  std::uint64_t memlock_bytes = 0;           // RLIMIT_MEMLOCK, soft; UINT64_MAX: no limit.
  std::uint64_t capabilities = 0;            // Effective ones, a bit for each.
  std::uint64_t page_bytes = 4096;           // The kernel counts pipes and TCP memory in pages.
  std::uint32_t cpus = 0;                    // That threads may run on.
  base::Errno pinning = base::Errno::kNone;  // Why threads cannot be pinned; kNone: they can.
  backends::EngineInfo io_uring;             // Whether that engine can be used, and why not.

  // capability: a CAP_ number of <linux/capability.h>.
  bool has(int capability) const {
    return (capabilities >> static_cast<unsigned>(capability) & 1U) != 0;
  }
};

// Tries what it can (an io_uring, closed again) instead of guessing from versions:
// seccomp filters of containers refuse calls that the kernel has.
ProcessRights ask_for_rights();

}  // namespace proxy
