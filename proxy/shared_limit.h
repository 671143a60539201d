// A limit that holds over all workers, which share nothing but counters. Called by a worker for its
// own cells; no locks.
#pragma once

#include <atomic>
#include <cstdint>

#include "proxy/worker_metrics.h"

namespace proxy {

// Has every place been taken? What other workers have may be a moment old. limit 0: there is none.
template <typename Cells>
bool all_taken(const Series<Cells>& series, metrics::Gauge Cells::*gauge, std::uint32_t limit) {
  return limit > 0 && sum_over_workers(series, gauge) >= std::int64_t{limit};
}

// Takes a place when the limit allows it. Exact without a lock: a worker first adds itself to its
// own gauge (`own`, of the same series), then reads everybody's; of two workers that race for the
// last place at least one sees the other, so the limit is never passed. Both may give way at once:
// then the place stays free for whoever asks next.
template <typename Cells>
bool take_place(const Series<Cells>& series, Cells& own, metrics::Gauge Cells::*gauge,
                std::uint32_t limit) {
  (own.*gauge).add(1);
  if (limit == 0) return true;
  // Orders our store before our loads: without it both racing workers could miss each other.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (sum_over_workers(series, gauge) <= std::int64_t{limit}) return true;
  (own.*gauge).add(-1);
  return false;
}

template <typename Cells>
void free_place(Cells& own, metrics::Gauge Cells::*gauge) {
  (own.*gauge).add(-1);
}

}  // namespace proxy
