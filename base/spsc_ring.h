// A bounded queue between two threads: one writes, one reads. No locks, no allocation after
// construction, and a full ring says so instead of waiting. For plain data only: records are copied
// in and out as they are. Waking the reader is the caller's business.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "base/assert.h"

namespace base {

template <typename T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  // capacity: a power of two. Pages are touched only when they are first used.
  explicit SpscRing(std::size_t capacity)
      : mask_(capacity - 1), slots_(std::make_unique_for_overwrite<Slot[]>(capacity)) {
    CHECK(capacity > 0 && (capacity & mask_) == 0);
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  // The writer's thread. False when full.
  bool try_push(const T& record) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ > mask_) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ > mask_) return false;
    }
    slots_[tail & mask_].record = record;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // The reader's thread. False when empty; record is then untouched.
  bool try_pop(T& record) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head == tail_seen_) return false;
    }
    record = slots_[head & mask_].record;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  static constexpr std::size_t kCacheLine = 64;

  // Memory that no constructor touches until a record is put there.
  union Slot {
    Slot() {}  // NOLINT(modernize-use-equals-default): T's own default would be run.
    T record;
  };

  std::size_t mask_;
  std::unique_ptr<Slot[]> slots_;
  // Each side's line holds its own position and the last one it saw of the other: as long as that
  // is good enough, no cache line travels between the two.
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;
  alignas(kCacheLine) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;
};

}  // namespace base
