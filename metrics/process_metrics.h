// What the kernel knows about this process, under the names that every Prometheus client library
// uses. Read at each scrape from /proc/self and getrlimit(2); no state, any thread.
#pragma once

#include <optional>

#include "metrics/page.h"

namespace metrics {

// Those that other pages show too. What /proc does not tell is unset.
struct ProcessNumbers {
  std::optional<double> resident_bytes;
  std::optional<double> open_fds;
  std::optional<double> max_fds;  // RLIM_INFINITY is 1.8e+19.
  std::optional<double> cpu_seconds;
};
ProcessNumbers read_process_numbers();

// Adds the process_* families. What /proc does not tell (a container may hide it) is left out.
void add_process_metrics(Page& page);

}  // namespace metrics
