#include "proxy/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace proxy {
namespace {

constexpr const char* kUnknown = "-";
// What comes from a document may be anything; what is larger is printed as this.
constexpr double kCountMax = 9e15;

// From this on, a number has so many digits before its point.
constexpr double kThreeDigits = 99.95;
constexpr double kTwoDigits = 9.995;

std::string three_digits(double value) {
  if (value >= kThreeDigits) return fmt::format("{:.0f}", value);
  if (value >= kTwoDigits) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

}  // namespace

std::string count_text(double value) {
  if (std::isnan(value)) return kUnknown;
  std::string text = fmt::format("{:.0f}", std::abs(std::clamp(value, -kCountMax, kCountMax)));
  for (std::size_t digits = 3; digits < text.size(); digits += 4) {
    text.insert(text.size() - digits, ",");
  }
  return value <= -1 ? "-" + text : text;
}

std::string count_text(std::optional<double> value) {
  return value ? count_text(*value) : kUnknown;
}

std::string rate_text(std::optional<double> per_second) {
  if (!per_second) return kUnknown;
  const bool whole = *per_second == 0 || *per_second >= kThreeDigits;
  return (whole ? count_text(*per_second) : three_digits(*per_second)) + "/s";
}

std::string bytes_text(std::optional<double> bytes) {
  if (!bytes) return kUnknown;
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  constexpr double kUnit = 1024;
  constexpr double kNextUnit = 1023.5;  // Would be printed as 1024.
  double value = *bytes;
  std::size_t unit = 0;
  while (value >= kNextUnit && unit + 1 < kUnits.size()) {
    value /= kUnit;
    ++unit;
  }
  const std::string number = unit == 0 ? fmt::format("{:.0f}", value) : three_digits(value);
  return number + " " + kUnits.at(unit);
}

std::string byte_rate_text(std::optional<double> per_second) {
  return per_second ? bytes_text(per_second) + "/s" : kUnknown;
}

std::string latency_text(std::optional<double> seconds, const char* micro) {
  if (!seconds) return kUnknown;
  constexpr double kToMillis = 1e3;
  constexpr double kToMicros = 1e6;
  constexpr double kMillisFrom = 0.0009995;  // Would be printed as 1000 of the smaller unit.
  constexpr double kSecondsFrom = 0.9995;
  if (*seconds < kMillisFrom) return fmt::format("{:.0f} {}s", *seconds * kToMicros, micro);
  if (*seconds < kSecondsFrom) return three_digits(*seconds * kToMillis) + " ms";
  return three_digits(*seconds) + " s";
}

std::string percent_text(std::optional<double> share) {
  if (!share) return kUnknown;
  constexpr double kPercent = 100;
  constexpr double kTwoDigitPercent = 9.95;
  const double percent = *share * kPercent;
  return percent == 0 || percent >= kTwoDigitPercent ? fmt::format("{:.0f} %", percent)
                                                     : fmt::format("{:.1f} %", percent);
}

std::string age_text(double seconds) {
  struct Unit {
    std::int64_t seconds;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits = {{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};
  if (std::isnan(seconds)) return kUnknown;
  const auto whole = static_cast<std::int64_t>(std::clamp(seconds, 0.0, kCountMax));
  for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
    if (whole < kUnits.at(i).seconds) continue;
    const Unit& large = kUnits.at(i);
    const Unit& small = kUnits.at(i + 1);
    return fmt::format("{} {} {} {}", whole / large.seconds, large.name,
                       whole % large.seconds / small.seconds, small.name);
  }
  return fmt::format("{} s", whole);
}

std::string things_text(double count, const char* one, const char* many) {
  return count_text(count) + " " + (count == 1 ? one : many);
}

}  // namespace proxy
