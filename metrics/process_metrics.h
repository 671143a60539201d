// What the kernel knows about this process, under the names that every Prometheus client library
// uses. Read at each scrape from /proc/self and getrlimit(2); no state, any thread.
#pragma once

#include "metrics/page.h"

namespace metrics {

// Adds the process_* families. What /proc does not tell (a container may hide it) is left out.
void add_process_metrics(Page& page);

}  // namespace metrics
