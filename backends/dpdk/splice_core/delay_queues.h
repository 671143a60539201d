// Timers of a few fixed delays: what was added first is due first, so each delay is a plain queue
// and neither adding nor taking depends on how many there are. Nothing is ever taken out early: the
// owner looks whether the thing still lives. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace backends::dpdk::splice_core {

template <typename Entry, std::size_t Delays>
class DelayQueues {
 public:
  // most: entries of one delay; past it add() says no. Memory doubles as they come, and stays.
  DelayQueues(const std::array<base::Nanos, Delays>& delays, std::size_t most)
      : delays_(delays), most_(most) {}

  bool add(std::size_t delay, const Entry& entry, base::Nanos now) {
    Queue& queue = queues_[delay];
    if (queue.count == queue.ring.size() && !grow(queue)) return false;
    queue.ring[(queue.first + queue.count) & (queue.ring.size() - 1)] = {now + delays_[delay],
                                                                         entry};
    ++queue.count;
    return true;
  }

  // Takes one that is due. False when there is none.
  bool take(base::Nanos now, Entry& entry) {
    for (Queue& queue : queues_) {
      if (queue.count == 0 || queue.ring[queue.first].due > now) continue;
      entry = queue.ring[queue.first].entry;
      queue.first = (queue.first + 1) & (queue.ring.size() - 1);
      --queue.count;
      return true;
    }
    return false;
  }

  std::size_t size() const {
    std::size_t sum = 0;
    for (const Queue& queue : queues_) sum += queue.count;
    return sum;
  }

 private:
  static constexpr std::size_t kFirstSize = 64;  // A power of two, as all later sizes.
  struct Item {
    base::Nanos due{0};
    Entry entry;
  };
  struct Queue {
    std::vector<Item> ring;
    std::size_t first = 0;
    std::size_t count = 0;
  };

  bool grow(Queue& queue) {
    if (queue.count >= most_) return false;
    std::vector<Item> larger(queue.ring.empty() ? kFirstSize : queue.ring.size() * 2);
    for (std::size_t i = 0; i < queue.count; ++i) {
      larger[i] = queue.ring[(queue.first + i) & (queue.ring.size() - 1)];
    }
    queue.ring.swap(larger);
    queue.first = 0;
    return true;
  }

  std::array<base::Nanos, Delays> delays_;
  std::size_t most_;
  std::array<Queue, Delays> queues_;
};

}  // namespace backends::dpdk::splice_core
