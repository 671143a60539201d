// Time inside Millrace: nanoseconds of CLOCK_MONOTONIC. The wall clock is for log lines only, so a
// step of the wall clock moves no timer.
#pragma once

#include <chrono>

namespace base {

// A duration, or a point on the monotonic clock (the same unit, measured from boot).
using Nanos = std::chrono::nanoseconds;

// "No limit" where a function takes the longest time to wait.
inline constexpr Nanos kForever = Nanos::max();

inline Nanos monotonic_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

inline double to_seconds(Nanos time) { return std::chrono::duration<double>(time).count(); }

}  // namespace base
