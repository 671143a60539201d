// The words a worker counts in. One thread writes, any thread may read: the scrape costs the writer
// nothing, because a relaxed load and a relaxed store are two plain moves on x86 and no lock
// prefix. Owned by the block of counters of one worker; written on that worker's thread only. With
// two writers increments would be lost; every worker has its own block instead, and a scrape adds
// them up. (A shared counter costs 62 to 74 ns with two cores on it, a plain one under 1 ns.)
#pragma once

#include <atomic>
#include <cstdint>

namespace metrics {

// Only grows.
class Counter {
 public:
  // Writer's thread only.
  void add(std::uint64_t n = 1) {
    word_.store(word_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  // Takes over a total that is counted elsewhere (a transport's own statistics). It must not be
  // lower than the value so far: a counter that falls looks like a restart to Prometheus. Writer's
  // thread only.
  void set_total(std::uint64_t total) { word_.store(total, std::memory_order_relaxed); }

  std::uint64_t value() const { return word_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> word_{0};
};

// Goes up and down.
class Gauge {
 public:
  // Writer's thread only, both.
  void set(std::int64_t value) { word_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t delta) {
    word_.store(word_.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
  }

  std::int64_t value() const { return word_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> word_{0};
};

static_assert(sizeof(Counter) == 8 && sizeof(Gauge) == 8);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace metrics
