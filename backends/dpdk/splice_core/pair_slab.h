// The pairs, by slot: a reserved stretch of addresses that becomes memory as slots are used for the
// first time. Growing moves nothing and takes no time; the free slots are a list through the free
// pairs themselves, last in, first out. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/dpdk/splice_core/memory.h"
#include "backends/dpdk/splice_core/pair.h"

namespace backends::dpdk::splice_core {

template <typename Ip>
class PairSlab {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  // capacity below 2^29. Dies (CHECK) when the addresses cannot be reserved.
  PairSlab(std::size_t capacity, PageWish wish);

  // A slot in state kOpen with everything else zero except its stamp, which has moved on; kNone
  // when all are in use.
  std::uint32_t take();
  void give_back(std::uint32_t slot);

  Pair<Ip>& operator[](std::uint32_t slot) { return pairs_[slot]; }
  const Pair<Ip>& operator[](std::uint32_t slot) const { return pairs_[slot]; }
  void prefetch(std::uint32_t slot) const {
    __builtin_prefetch(&pairs_[slot], 1);
    if constexpr (sizeof(Pair<Ip>) > 64) {
      __builtin_prefetch(reinterpret_cast<const std::byte*>(&pairs_[slot]) + 64, 1);
    }
  }

  std::size_t size() const { return size_; }
  // Slots ever used: a walk over all pairs ends here.
  std::uint32_t used_slots() const { return used_slots_; }
  std::size_t capacity() const { return capacity_; }
  std::size_t memory_bytes() const { return used_slots_ * sizeof(Pair<Ip>); }
  PageKind page_kind() const { return memory_.page_kind(); }

 private:
  std::size_t capacity_;
  std::size_t size_ = 0;
  std::uint32_t used_slots_ = 0;
  std::uint32_t free_ = kNone;
  Mapping memory_;
  Pair<Ip>* pairs_ = nullptr;
};

extern template class PairSlab<Ip4>;
extern template class PairSlab<Ip6>;

}  // namespace backends::dpdk::splice_core
