#include "proxy/demo_report.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <iterator>

namespace proxy {
namespace {

constexpr double kMicrosPerSecond = 1e6;
constexpr std::size_t kProxied = static_cast<std::size_t>(DemoPath::kProxied);
constexpr std::size_t kDirect = static_cast<std::size_t>(DemoPath::kDirect);

using Row = std::array<std::string, kDemoPaths>;

void append_row(std::string& out, std::string_view name, const Row& values) {
  fmt::format_to(std::back_inserter(out), "  {:<30}{:>18}{:>18}\n", name, values[kProxied],
                 values[kDirect]);
}

// Not measured is what an interrupted demo did not come to.
constexpr const char* kNotMeasured = "-";

std::string rate_text(std::uint64_t count, double per_second) {
  return count == 0 ? kNotMeasured : with_commas(static_cast<std::uint64_t>(per_second));
}

Row rates_of(const std::array<RoundTrips, kDemoPaths>& trips) {
  Row row;
  for (std::size_t path = 0; path < kDemoPaths; ++path) {
    row[path] = rate_text(trips[path].count, trips[path].per_second());
  }
  return row;
}

Row percentiles_of(const std::array<RoundTrips, kDemoPaths>& trips, double share) {
  Row row;
  for (std::size_t path = 0; path < kDemoPaths; ++path) {
    const base::Nanos time = trips[path].latencies.percentile(share);
    row[path] = trips[path].count == 0
                    ? kNotMeasured
                    : fmt::format("{:.0f} us", base::to_seconds(time) * kMicrosPerSecond);
  }
  return row;
}

void append_round_trips(std::string& out, std::string_view title,
                        const std::array<RoundTrips, kDemoPaths>& trips) {
  fmt::format_to(std::back_inserter(out), "  {}\n", title);
  append_row(out, "  round trips per second", rates_of(trips));
  constexpr std::array<std::pair<std::string_view, double>, 3> kShares = {
      {{"  latency p50", 0.5}, {"  latency p99", 0.99}, {"  latency p99.9", 0.999}}};
  for (const auto& [name, share] : kShares) append_row(out, name, percentiles_of(trips, share));
}

std::string idle_text(const DemoFigures& figures) {
  if (!figures.idle_bytes || figures.idle_sessions == 0) return "unknown: /proc does not tell";
  return fmt::format("{} bytes (growth of this process's memory over {} held sessions)",
                     with_commas(*figures.idle_bytes / figures.idle_sessions),
                     with_commas(figures.idle_sessions));
}

}  // namespace

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  constexpr std::size_t kGroup = 3;
  for (std::size_t at = text.size(); at > kGroup;) {
    at -= kGroup;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  constexpr double kStep = 1000;
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= kStep && unit + 1 < kUnits.size()) {
    value /= kStep;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string demo_table(const DemoFigures& figures) {
  using backends::Direction;
  std::string out;
  const auto into = std::back_inserter(out);
  fmt::format_to(into, "\n  {:<30}{:>18}{:>18}\n", "", "through Millrace", "without a proxy");
  append_round_trips(out, "64 bytes, one at a time", figures.one_at_a_time);
  append_round_trips(out, fmt::format("64 bytes, {} connections at once", figures.many),
                     figures.many_at_once);
  append_row(
      out, "short sessions per second",
      {rate_text(figures.short_sessions.count, figures.short_sessions.per_second()), kNotMeasured});
  append_row(
      out, "one bulk stream, each way",
      {figures.bulk.bytes == 0 ? kNotMeasured
                               : fmt::format("{:.1f} Gbit/s", figures.bulk.gigabits_per_second()),
       kNotMeasured});
  out += '\n';
  fmt::format_to(into, "  sessions                 {} opened, {} ended, {} failed\n",
                 with_commas(figures.sessions_opened), with_commas(figures.sessions_ended),
                 with_commas(figures.failed));
  fmt::format_to(into, "  bytes                    {} to upstream, {} to client\n",
                 human_bytes(figures.bytes[index_of(Direction::kToUpstream)]),
                 human_bytes(figures.bytes[index_of(Direction::kToClient)]));
  fmt::format_to(into, "  memory per idle session  {}\n", idle_text(figures));
  fmt::format_to(into, "  start to first session   {:.1f} ms (main() to the first byte echoed)\n",
                 base::to_seconds(figures.first_session) * 1e3);
  fmt::format_to(into, "  engine                   {}, {} workers\n", figures.engine,
                 figures.workers);
  fmt::format_to(into, "  metrics                  {}\n", figures.metrics_url);
  return out;
}

std::optional<double> sum_on_page(std::string_view page, std::string_view family,
                                  std::string_view label) {
  std::optional<double> sum;
  while (!page.empty()) {
    const std::string_view line = page.substr(0, page.find('\n'));
    page.remove_prefix(std::min(page.size(), line.size() + 1));
    if (!line.starts_with(family) || line.size() == family.size()) continue;
    const char after = line[family.size()];
    if (after != '{' && after != ' ') continue;  // A family with a longer name.
    const std::size_t space = line.rfind(' ');
    if (line.substr(0, space).find(label) == std::string_view::npos) continue;
    double value = 0;
    const std::string_view number = line.substr(space + 1);
    if (std::from_chars(number.data(), number.data() + number.size(), value).ec != std::errc{}) {
      continue;
    }
    sum = sum.value_or(0) + value;
  }
  return sum;
}

}  // namespace proxy
