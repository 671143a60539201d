// The part of the metrics page about the DNS. Called by the collector, on the http thread.
#pragma once

#include "metrics/page.h"
#include "proxy/worker_metrics.h"

namespace proxy {

// The lookups of one upstream's name, while the configuration has it.
void add_dns(metrics::Page& page, const DnsSeries& series);

}  // namespace proxy
