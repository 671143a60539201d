#include "tests/bench/c10m/memory_use.h"

#include <unistd.h>

#include <fstream>

#include "base/assert.h"

namespace bench::c10m {

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  CHECK(file >> all >> resident);
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace bench::c10m
