// The part of the page of metrics that is about upstreams and their endpoints. On the thread that
// answers a scrape.
#pragma once

#include "metrics/page.h"
#include "proxy/snapshot.h"
#include "proxy/worker_metrics.h"

namespace proxy {

// The limits of the configuration in force.
void add_upstream_limits(metrics::Page& page, const Snapshot& snapshot);

// What all workers have counted.
void add_upstreams(metrics::Page& page, const MetricsCatalog::Contents& contents);

}  // namespace proxy
