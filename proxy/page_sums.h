// What the pages of metrics have in common: counts of all workers, added up. Used on the thread
// that answers a scrape.
#pragma once

#include <cstdint>
#include <functional>

#include "metrics/counter.h"
#include "metrics/histogram.h"
#include "proxy/worker_metrics.h"

namespace proxy {

inline double number(std::uint64_t value) { return static_cast<double>(value); }
inline double number(std::int64_t value) { return static_cast<double>(value); }

// A series that a reload removed is shown until its last session has ended.
template <typename Cells>
bool shown(const Series<Cells>& series, const metrics::Gauge Cells::*sessions) {
  return series.configured || sum_over_workers(series, sessions) > 0;
}

// Of the counter that read(cells) returns; read may be a pointer to the member.
template <typename Cells, typename Read>
std::uint64_t total(const Series<Cells>& series, Read read) {
  std::uint64_t sum = 0;
  for (const auto& cells : series.cells) sum += std::invoke(read, *cells).value();
  return sum;
}

// Of one kind of histogram.
template <typename Cells, typename Histogram>
typename Histogram::Snapshot merged(const Series<Cells>& series,
                                    const Histogram Cells::*histogram) {
  typename Histogram::Snapshot sum;
  for (const auto& cells : series.cells) sum.merge(((*cells).*histogram).snapshot());
  return sum;
}

}  // namespace proxy
