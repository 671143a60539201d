#include "proxy/upstream_page.h"

#include <cstddef>
#include <string>

#include "metrics/names.h"
#include "proxy/page_sums.h"
#include "proxy/pool_page.h"

namespace proxy {
namespace {

namespace names = metrics::names;
using metrics::Page;

void add_upstream(Page& page, const UpstreamSeries& series) {
  const std::string& name = series.names.upstream;
  const auto gauge = [&](const metrics::Family& family, metrics::Gauge UpstreamCells::*cell) {
    page.add(family, {name}, number(sum_over_workers(series, cell)));
  };
  gauge(names::kUpstreamSessionsActive, &UpstreamCells::sessions);
  gauge(names::kUpstreamConnecting, &UpstreamCells::connecting);
  gauge(names::kUpstreamQueueLength, &UpstreamCells::queued);
  page.add(names::kUpstreamQueueSeconds, {name}, merged(series, &UpstreamCells::queue_time).view());
  page.add(names::kUpstreamConnectSeconds, {name}, merged(series, &UpstreamCells::connect).view());
  page.add(names::kUpstreamRetriesTotal, {name, "made"},
           number(total(series, &UpstreamCells::retries)));
  page.add(names::kUpstreamRetriesTotal, {name, "refused"},
           number(total(series, &UpstreamCells::retries_refused)));
  add_pools(page, series);
}

void add_endpoint(Page& page, const EndpointSeries& series) {
  const std::string& upstream = series.names.upstream;
  const std::string& endpoint = series.names.endpoint;
  page.add(names::kEndpointSessionsActive, {upstream, endpoint},
           number(sum_over_workers(series, &EndpointCells::sessions)));
  page.add(names::kEndpointHealthy, {upstream, endpoint}, series.verdict.healthy ? 1 : 0);
  page.add(names::kEndpointEjected, {upstream, endpoint}, series.verdict.ejected ? 1 : 0);
  page.add(names::kEndpointRttSeconds, {upstream, endpoint},
           merged(series, &EndpointCells::rtt).view());
  page.add(names::kEndpointRetransmitsTotal, {upstream, endpoint},
           number(total(series, &EndpointCells::retransmits)));
  page.add(names::kEndpointPathSamplesTotal, {upstream, endpoint},
           number(total(series, &EndpointCells::path_samples)));
  for (std::size_t cause = 0; cause < kCauses; ++cause) {
    const auto read = [cause](const EndpointCells& c) -> auto& {
      return c.connect_failures[cause];
    };
    const std::uint64_t failures = total(series, read);
    if (failures == 0) continue;
    page.add(names::kUpstreamConnectFailuresTotal,
             {upstream, endpoint, name(static_cast<Cause>(cause))}, number(failures));
  }
}

}  // namespace

void add_upstream_limits(Page& page, const Snapshot& snapshot) {
  for (const UpstreamPlan& plan : snapshot.upstreams) {
    const std::string& name = plan.series->names.upstream;
    const config::Limits& limits = plan.config->limits;
    page.add(names::kUpstreamMaxSessions, {name}, limits.max_sessions);
    page.add(names::kUpstreamMaxConnecting, {name}, limits.max_connecting);
    page.add(names::kUpstreamQueueMax, {name}, limits.queue);
    for (const EndpointPlan& endpoint : plan.endpoints) {
      page.add(names::kEndpointMaxSessions, {name, endpoint.series->names.endpoint},
               endpoint.max_sessions);
      page.add(names::kEndpointAdminState, {name, endpoint.series->names.endpoint},
               static_cast<int>(endpoint.admin_state()));
    }
  }
}

void add_upstreams(Page& page, const MetricsCatalog::Contents& contents) {
  for (const auto& [names, series] : contents.upstreams) {
    if (shown(*series, &UpstreamCells::sessions)) add_upstream(page, *series);
  }
  for (const auto& [names, series] : contents.endpoints) {
    if (shown(*series, &EndpointCells::sessions)) add_endpoint(page, *series);
  }
}

}  // namespace proxy
