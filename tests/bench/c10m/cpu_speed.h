// How fast this thread's processor really is at the moment: on a machine that is shared with others
// the same work takes several times as long from one minute to the next, and a time alone says
// nothing. Additions that wait for each other take one cycle each, whatever else the core can do.
// Small samples between the steps of a measurement give the cycles that it took. One thread.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace bench::c10m {

class CpuSpeed {
 public:
  // About ten microseconds.
  void sample();

  struct Sum {
    std::uint64_t cycles = 0;
    base::Nanos time{0};
  };
  // Of all samples so far; take the difference of two.
  const Sum& sum() const { return sum_; }

 private:
  Sum sum_;
};

// Cycles a nanosecond; 0 when nothing was sampled.
inline double gigahertz(const CpuSpeed::Sum& sum) {
  return sum.time.count() > 0
             ? static_cast<double>(sum.cycles) / static_cast<double>(sum.time.count())
             : 0;
}

// What the time stamp counter runs at: the processor's nominal speed. Takes some milliseconds.
double nominal_gigahertz();

}  // namespace bench::c10m
