#include "base/cpu.h"

#include <pthread.h>
#include <sched.h>

#include <cstddef>
#include <string>

namespace base {

std::vector<int> usable_cpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  // Fails only on machines with more processors than cpu_set_t holds (1024): one is always there.
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

Result<void> pin_this_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  const int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  if (error != 0) return failure(to_errno(error));
  return {};
}

void name_this_thread(const char* name) {
  constexpr std::size_t kNameMax =
      15;  // The kernel's TASK_COMM_LEN less the NUL; longer is ERANGE.
  const std::string kept = std::string(name).substr(0, kNameMax);
  pthread_setname_np(pthread_self(), kept.c_str());
}

}  // namespace base
