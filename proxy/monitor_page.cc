#include "proxy/monitor_page.h"

#include <cstdint>
#include <string>

#include "metrics/names.h"
#include "proxy/page_sums.h"

namespace proxy {
namespace {

namespace names = metrics::names;

template <typename Cell>
double value_of(const Cell& cell) {
  return static_cast<double>(cell.value());
}

void add_upstream(metrics::Page& page, const UpstreamSeries& series) {
  const metrics::LatencySnapshot time = series.monitored.check_time.snapshot();
  // Upstreams without checks have no such series.
  if (time.count() == 0) return;
  page.add(names::kHealthCheckSeconds, {series.names.upstream}, time.view());
}

void add_endpoint(metrics::Page& page, const EndpointSeries& series) {
  const std::string& upstream = series.names.upstream;
  const std::string& endpoint = series.names.endpoint;
  for (std::size_t i = 0; i < series.monitored.checks.size(); ++i) {
    const metrics::Counter& checks = series.monitored.checks[i];
    if (checks.value() == 0) continue;
    page.add(names::kHealthChecksTotal, {upstream, endpoint, name(static_cast<CheckResult>(i))},
             value_of(checks));
  }
  for (std::size_t i = 0; i < series.monitored.ejections.size(); ++i) {
    const metrics::Counter& ejections = series.monitored.ejections[i];
    if (ejections.value() == 0) continue;
    page.add(names::kOutlierEjectionsTotal,
             {upstream, endpoint, name(static_cast<EjectionCause>(i))}, value_of(ejections));
  }
}

}  // namespace

void add_monitor(metrics::Page& page, const MonitorTotals& totals) {
  page.add(names::kMonitorChecksActive, {}, value_of(totals.checks_active));
  page.add(names::kMonitorChecksWaiting, {}, value_of(totals.checks_waiting));
  page.add(names::kMonitorChecksMax, {}, value_of(totals.checks_max));
  page.add(names::kMonitorEvidenceDroppedTotal, {}, value_of(totals.evidence_dropped));
  page.add(names::kMonitorBusySecondsTotal, {}, value_of(totals.busy_nanoseconds) * 1e-9);
}

void add_monitored(metrics::Page& page, const MetricsCatalog::Contents& contents) {
  for (const auto& [names, series] : contents.upstreams) {
    if (series->configured) add_upstream(page, *series);
  }
  for (const auto& [names, series] : contents.endpoints) {
    if (shown(*series, &EndpointCells::sessions)) add_endpoint(page, *series);
  }
}

}  // namespace proxy
