// What the monitor counts: of each endpoint, of each upstream, and of itself. Like the workers'
// cells these words have one writer, the monitor's thread, and any thread may read them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/errno.h"
#include "metrics/counter.h"
#include "metrics/histogram.h"

namespace proxy {

// How a health check ended.
enum class CheckResult : std::uint8_t {
  kPassed,
  kRefused,      // The connect was,
  kUnreachable,  // or found no way,
  kTimeout,      // or the whole check took longer than health.timeout.
  kReset,        // The endpoint reset the connection,
  kClosed,       // or said FIN, before the whole reply had come.
  kMismatch,     // The reply does not begin with health.expect.
  kResource,     // We ran out of something: says nothing about the endpoint and is not held
                 // against it.
  kCount
};

// Why an endpoint was ejected.
enum class EjectionCause : std::uint8_t { kConnectFailures, kResets, kCount };

// "passed", "connect_failures": lower case with underscores. Not of kCount.
std::string_view name(CheckResult result);
std::string_view name(EjectionCause cause);

// What an error of a connect or an exchange says of the endpoint. error must not be kNone.
CheckResult result_of_check_error(base::Errno error);

// Of an endpoint, and check_time of an upstream.
struct MonitorCells {
  std::array<metrics::Counter, static_cast<std::size_t>(CheckResult::kCount)> checks;
  std::array<metrics::Counter, static_cast<std::size_t>(EjectionCause::kCount)> ejections;
  metrics::LatencyHistogram check_time;  // Of checks that passed.

  void checked(CheckResult result) { checks[static_cast<std::size_t>(result)].add(); }
  void ejected(EjectionCause cause) { ejections[static_cast<std::size_t>(cause)].add(); }
};

// Of the monitor itself.
struct MonitorTotals {
  metrics::Gauge checks_active;
  metrics::Gauge checks_waiting;  // Due, and for a place among the active ones.
  metrics::Gauge checks_max;
  metrics::Counter evidence_dropped;
  metrics::Counter busy_nanoseconds;
};

}  // namespace proxy
