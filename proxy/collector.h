// Makes a page of metrics of what the workers have counted. Reads only: a scrape costs the workers
// nothing. Owned by main; Collect() runs on the http thread.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "backends/transport_factory.h"
#include "metrics/http_stats.h"
#include "proxy/access_log.h"
#include "proxy/admin_stats.h"
#include "proxy/log.h"
#include "proxy/program_status.h"
#include "proxy/worker_metrics.h"

namespace proxy {

class Collector : public prometheus::Collectable {
 public:
  // All must outlive the collector.
  Collector(const ProgramStatus& status, const backends::TransportFactory& factory,
            const MetricsCatalog& catalog, const Log& log, const AccessLog& access_log,
            const metrics::HttpStats& http, const AdminStats& admin)
      : status_(status),
        factory_(factory),
        catalog_(catalog),
        log_(log),
        access_log_(access_log),
        http_(http),
        admin_(admin) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const ProgramStatus& status_;
  const backends::TransportFactory& factory_;
  const MetricsCatalog& catalog_;
  const Log& log_;
  const AccessLog& access_log_;
  const metrics::HttpStats& http_;
  const AdminStats& admin_;
};

}  // namespace proxy
