// A bounded queue with many writers and one reader (Vyukov's bounded MPMC queue, 2010, read by
// one). No locks; a full mailbox says so instead of waiting. Waking the reader is the caller's
// business.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/assert.h"

namespace base {

template <typename T>
class Mailbox {
 public:
  // capacity: a power of two from 2 on. With one cell "written" and "free for the next round" would
  // be the same number.
  explicit Mailbox(std::size_t capacity)
      : mask_(capacity - 1), cells_(std::make_unique<Cell[]>(capacity)) {
    CHECK(capacity >= 2 && (capacity & mask_) == 0);
    for (std::size_t i = 0; i < capacity; ++i) {
      cells_[i].sequence.store(i, std::memory_order_relaxed);
    }
  }

  // Any thread. False when full; the message is then untouched.
  bool try_push(T&& message) {
    std::size_t at = tail_.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const std::size_t sequence = cell.sequence.load(std::memory_order_acquire);
      const auto lead = static_cast<std::ptrdiff_t>(sequence - at);
      if (lead < 0) return false;
      if (lead > 0) {
        at = tail_.load(std::memory_order_relaxed);
      } else if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        cell.message.emplace(std::move(message));
        cell.sequence.store(at + 1, std::memory_order_release);
        return true;
      }
    }
  }

  // The reader's thread. Empty when there is nothing to read.
  std::optional<T> try_pop() {
    Cell& cell = cells_[head_ & mask_];
    if (cell.sequence.load(std::memory_order_acquire) != head_ + 1) return std::nullopt;
    std::optional<T> message = std::move(cell.message);
    cell.message.reset();
    cell.sequence.store(head_ + mask_ + 1, std::memory_order_release);
    ++head_;
    return message;
  }

 private:
  static constexpr std::size_t kCacheLine = 64;

  struct Cell {
    std::atomic<std::size_t> sequence{0};
    std::optional<T> message;
  };

  std::size_t mask_;
  std::unique_ptr<Cell[]> cells_;
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  alignas(kCacheLine) std::size_t head_ = 0;  // The reader's alone.
};

}  // namespace base
