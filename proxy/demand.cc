#include "proxy/demand.h"

#include <algorithm>
#include <cmath>

namespace proxy {
namespace {

using base::Nanos;

// What a window without sessions leaves of rate and burst: half in a second of four windows.
constexpr double kDecay = 0.84;
// Below this nothing is predicted any more. After a hundred windows even the largest rate is.
constexpr double kNothing = 0.01;
constexpr int kWindowsMax = 100;
// Arrivals that know nothing of each other spread by the square root of their mean; three times
// that covers all but one in a thousand.
constexpr double kSpread = 3;
// Beyond every idle_max.
constexpr double kMost = 1e6;

double decayed(double value) {
  const double left = value * kDecay;
  return left < kNothing ? 0 : left;
}

}  // namespace

void Demand::asked(Nanos now) {
  advance(now);
  if (quiet()) window_began_ = now;
  together_ = now == last_asked_ ? together_ + 1 : 1;
  last_asked_ = now;
  ++in_window_;
  burst_now_ = std::max(burst_now_, together_);
}

void Demand::connected(Nanos took) {
  // Up quickly, down slowly: being wrong the other way costs sessions their connection.
  const Nanos difference = took - connect_time_;
  connect_time_ += difference > Nanos{0} ? difference / 2 : difference / 8;
}

void Demand::close_window() {
  const double rate = in_window_ / base::to_seconds(kWindow);
  rate_ = std::max(rate, decayed(rate_));
  burst_ = std::max(static_cast<double>(burst_now_), decayed(burst_));
  in_window_ = 0;
  burst_now_ = 0;
  window_began_ += kWindow;
}

void Demand::advance(Nanos now) {
  for (int i = 0; i < kWindowsMax && now - window_began_ >= kWindow; ++i) {
    if (quiet()) break;
    close_window();
  }
  if (now - window_began_ >= kWindow) {  // Nothing happened for long.
    rate_ = 0;
    burst_ = 0;
    window_began_ = now;
  }
}

std::uint32_t Demand::predicted() const {
  if (quiet()) return 0;
  const double rate = std::max(rate_, in_window_ / base::to_seconds(kWindow));
  const double burst = std::max(burst_, static_cast<double>(burst_now_));
  const double needed = rate * base::to_seconds(connect_time_);
  const double spread = std::max(kSpread * std::sqrt(needed), burst);
  return static_cast<std::uint32_t>(std::min(std::ceil(needed + spread), kMost));
}

Nanos Demand::next_change() const { return quiet() ? base::kForever : window_began_ + kWindow; }

}  // namespace proxy
