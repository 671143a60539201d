// The monitor's part of the page of metrics: checks, verdicts and ejections. Read on the thread
// that answers a scrape.
#pragma once

#include "metrics/page.h"
#include "proxy/worker_metrics.h"

namespace proxy {

void add_monitor(metrics::Page& page, const MonitorTotals& totals);
// What it found out about upstreams and endpoints; those that a reload removed as long as sessions
// are on them.
void add_monitored(metrics::Page& page, const MetricsCatalog::Contents& contents);

}  // namespace proxy
