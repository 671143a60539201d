#include "tests/bench/c10m/cpu_speed.h"

#include <x86intrin.h>

#include "tests/bench/c10m/engine.h"

namespace bench::c10m {

namespace {

constexpr std::uint64_t kAdditions = 32768;
constexpr std::uint64_t kUnrolled = 8;  // So that counting the rounds is not what takes the time.
constexpr base::Nanos kNominalTime = std::chrono::milliseconds(5);

}  // namespace

void CpuSpeed::sample() {
  const base::Nanos begin = thread_time();
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < kAdditions; i += kUnrolled) {
    asm volatile(
        "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t"
        "add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0"
        : "+r"(value));
  }
  sum_.time += thread_time() - begin;
  sum_.cycles += value;
}

double nominal_gigahertz() {
  const base::Nanos begin = base::monotonic_now();
  const std::uint64_t ticks = __rdtsc();
  base::Nanos passed{0};
  while (passed < kNominalTime) passed = base::monotonic_now() - begin;
  return static_cast<double>(__rdtsc() - ticks) / static_cast<double>(passed.count());
}

}  // namespace bench::c10m
