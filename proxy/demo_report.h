// What the demo tells people: lines while it runs and a table at the end. Pure functions of the
// figures it measured; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backends/transport.h"
#include "base/time.h"
#include "proxy/demo_load.h"

namespace proxy {

// The same work through the proxy and straight to an upstream.
enum class DemoPath : std::uint8_t { kProxied, kDirect };
inline constexpr std::size_t kDemoPaths = 2;

struct DemoFigures {
  std::string engine;
  std::size_t workers = 0;
  std::string metrics_url;
  base::Nanos first_session{0};  // main() entered to the first byte echoed through the proxy.
  base::Nanos elapsed{0};        // Of the whole demo so far.

  // By DemoPath.
  std::array<RoundTrips, kDemoPaths> one_at_a_time;
  std::array<RoundTrips, kDemoPaths> many_at_once;
  std::size_t many = 0;  // Connections of many_at_once.
  ShortSessions short_sessions;
  Bulk bulk;

  std::size_t idle_sessions = 0;
  std::optional<std::uint64_t> idle_bytes;  // All of them; none when /proc does not say.

  // What the proxy itself counted, from its metrics page.
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_ended = 0;
  std::array<std::uint64_t, backends::kDirections> bytes{};
  std::uint64_t failed = 0;  // What the clients saw.
};

// "31,415,926"
std::string with_commas(std::uint64_t number);
// "812.4 MB": powers of ten, as in network rates.
std::string human_bytes(std::uint64_t bytes);

// Several lines, each ended.
std::string demo_table(const DemoFigures& figures);

// The sum of a family's series on a page of metrics, of those whose labels contain the given text
// (all: ""). Nothing when the page has no such series.
std::optional<double> sum_on_page(std::string_view page, std::string_view family,
                                  std::string_view label);

}  // namespace proxy
