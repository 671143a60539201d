// The processors this process may use, and where a thread runs.
#pragma once

#include <vector>

#include "base/result.h"

namespace base {

// Ids from sched_getaffinity(2), ascending: what cgroups, cpusets and taskset left us.
std::vector<int> usable_cpus();

// Pins the calling thread. Containers may forbid it (EPERM, EINVAL): run unpinned then.
Result<void> pin_this_thread(int cpu);

// At most 15 bytes are kept (man 3 pthread_setname_np).
void name_this_thread(const char* name);

}  // namespace base
