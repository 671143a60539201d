// The system calls that a running Millrace may make (seccomp(2)): a list of what both kernel
// engines, the DNS, the logs, the metrics port, the admin socket and the C library need, for all
// threads. What is not on it fails with EPERM; docs/adr/0015 says why it does not kill. Main
// thread, before the other threads; there is no way back.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"

namespace proxy {

// Why this binary cannot run under the filter, or nothing.
std::optional<std::string_view> syscall_filter_obstacle();

// From now on. The error, a sentence: this kernel has no filters, or forbids them here.
base::Parsed<void> apply_syscall_filter();

}  // namespace proxy
