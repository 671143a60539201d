// Sessions that wait for a place at an upstream: first in, first out. One queue for each worker and
// upstream, owned by the Upstream, on the worker's thread. The bound is over all workers together
// (shared_limit.h), the order is each worker's own. Intrusive: waiting allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "proxy/worker_metrics.h"

namespace proxy {

class SessionQueue {
 public:
  // What waits derives from it; the caller of first() knows the derived type and casts. It must
  // have left before it is destroyed, unless nobody uses the queue any more.
  class Waiter {
   public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    bool waiting() const { return waiting_; }

   protected:
    ~Waiter() = default;

   private:
    friend class SessionQueue;
    Waiter* next_ = nullptr;
    Waiter* prev_ = nullptr;
    base::Nanos joined_{0};
    bool waiting_ = false;
  };

  SessionQueue() = default;
  SessionQueue(const SessionQueue&) = delete;
  SessionQueue& operator=(const SessionQueue&) = delete;

  // Where to count: the series and this worker's cells of it. The same ones after every reload.
  void count_in(const UpstreamSeries& series, UpstreamCells& own) {
    series_ = &series;
    own_ = &own;
  }

  // To the end of the queue; false when `places` wait already, over all workers, or places is 0.
  bool join(Waiter& waiter, std::uint32_t places, base::Nanos now);
  // From wherever it is. Its time in the queue is counted.
  void leave(Waiter& waiter, base::Nanos now);

  // Null: nobody waits.
  Waiter* first() const { return first_; }
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }

 private:
  const UpstreamSeries* series_ = nullptr;
  UpstreamCells* own_ = nullptr;
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace proxy
