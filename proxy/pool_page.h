// The part of the page of metrics that is about pools. On the thread that answers a scrape.
#pragma once

#include "metrics/page.h"
#include "proxy/snapshot.h"
#include "proxy/worker_metrics.h"

namespace proxy {

// What the configuration in force asks of the pools.
void add_pool_settings(metrics::Page& page, const Snapshot& snapshot);

// What all workers have counted of an upstream's pools.
void add_pools(metrics::Page& page, const UpstreamSeries& series);

}  // namespace proxy
