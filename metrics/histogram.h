// How long things took, in fixed buckets. One thread writes, any thread may read, like counter.h.
// Owned by the block of counters of one worker; a scrape takes a snapshot of each and merges them.
// Buckets are fixed at compile time so that the histograms of all workers can be added up, and so
// that observe() is a handful of compares with no allocation and no division.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "metrics/counter.h"

namespace metrics {

// Upper bounds, each inclusive (Prometheus' `le`). What is longer than the last one is in a bucket
// of its own, written as le="+Inf".

// 100 us to 30 s in steps of 1, 2.5, 5: connects, set-ups, turns of a worker's loop.
inline constexpr std::array<base::Nanos, 17> kLatencyBounds = {
    std::chrono::microseconds(100), std::chrono::microseconds(250),  std::chrono::microseconds(500),
    std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),  std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
    std::chrono::milliseconds(100), std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
    std::chrono::seconds(1),        std::chrono::milliseconds(2500), std::chrono::seconds(5),
    std::chrono::seconds(10),       std::chrono::seconds(30)};

// 1 ms to one day: how long sessions live.
inline constexpr std::array<base::Nanos, 14> kDurationBounds = {
    std::chrono::milliseconds(1), std::chrono::milliseconds(10), std::chrono::milliseconds(100),
    std::chrono::seconds(1),      std::chrono::seconds(5),       std::chrono::seconds(10),
    std::chrono::seconds(30),     std::chrono::minutes(1),       std::chrono::minutes(5),
    std::chrono::minutes(10),     std::chrono::minutes(30),      std::chrono::hours(1),
    std::chrono::hours(6),        std::chrono::hours(24)};

static_assert(std::is_sorted(kLatencyBounds.begin(), kLatencyBounds.end()));
static_assert(std::is_sorted(kDurationBounds.begin(), kDurationBounds.end()));

// One series as it is written out: counts per bucket (not cumulative), one more than bounds.
struct HistogramView {
  std::span<const base::Nanos> bounds;
  std::span<const std::uint64_t> counts;
  double sum_seconds = 0;
};

// A copy of a histogram at one moment, or the sum of several. Plain data of the reading thread.
template <const auto& Bounds>
class HistogramSnapshot {
 public:
  static constexpr std::size_t kBuckets = Bounds.size() + 1;

  void merge(const HistogramSnapshot& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) counts[i] += other.counts[i];
    sum_seconds += other.sum_seconds;
  }

  // Observations in all.
  std::uint64_t count() const {
    std::uint64_t total = 0;
    for (const std::uint64_t bucket : counts) total += bucket;
    return total;
  }

  // Valid as long as this snapshot.
  HistogramView view() const { return {Bounds, counts, sum_seconds}; }

  std::array<std::uint64_t, kBuckets> counts{};
  double sum_seconds = 0;
};

// The writer's side. 8 bytes a bucket and 8 for the sum: two or three cache lines.
template <const auto& Bounds>
class Histogram {
 public:
  using Snapshot = HistogramSnapshot<Bounds>;

  // Writer's thread only. A negative time counts as the shortest.
  void observe(base::Nanos elapsed) {
    // Counting the bounds below, without leaving early, has no branch to mispredict and is
    // vectorised; a binary search mispredicts about twice on mixed values.
    std::size_t bucket = 0;
    for (const base::Nanos bound : Bounds) bucket += elapsed > bound ? 1U : 0U;
    counts_[bucket].add();
    // Seconds in a double, and not whole nanoseconds: 200,000 sessions of a day each would overflow
    // 64 bits.
    const double sum = sum_seconds_.load(std::memory_order_relaxed);
    const double seconds = static_cast<double>(elapsed.count()) * 1e-9;
    sum_seconds_.store(sum + std::max(seconds, 0.0), std::memory_order_relaxed);
  }

  // Any thread. While the writer goes on, the sum and the buckets may be one observation apart; the
  // buckets themselves always agree with count(), which is computed from them.
  Snapshot snapshot() const {
    Snapshot copy;
    for (std::size_t i = 0; i < counts_.size(); ++i) copy.counts[i] = counts_[i].value();
    copy.sum_seconds = sum_seconds_.load(std::memory_order_relaxed);
    return copy;
  }

 private:
  std::array<Counter, Snapshot::kBuckets> counts_{};
  std::atomic<double> sum_seconds_{0};
};

using LatencyHistogram = Histogram<kLatencyBounds>;
using DurationHistogram = Histogram<kDurationBounds>;
using LatencySnapshot = LatencyHistogram::Snapshot;
using DurationSnapshot = DurationHistogram::Snapshot;

}  // namespace metrics
