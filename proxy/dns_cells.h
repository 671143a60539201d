// What the lookups of one upstream's name have counted. One writer, the resolver's thread, but for
// `addresses`, which is main's; any thread reads. Kept by the metrics catalog like the workers'
// cells, with one copy instead of one for each worker.
#pragma once

#include <array>
#include <cstddef>

#include "metrics/counter.h"
#include "proxy/dns_answer.h"
#include "proxy/dns_filter.h"

namespace proxy {

struct DnsCells {
  std::array<metrics::Counter, static_cast<std::size_t>(DnsResult::kCount)> lookups;
  metrics::Gauge addresses;             // What the workers have, lingering ones included.
  metrics::Gauge last_success_seconds;  // Since 1970; 0: never.
  std::array<metrics::Counter, static_cast<std::size_t>(DnsIgnored::kCount)> ignored;

  void looked_up(DnsResult result) { lookups[static_cast<std::size_t>(result)].add(); }
};

}  // namespace proxy
