#include "backends/dpdk/splice_core/pair_slab.h"

#include <utility>

#include "base/assert.h"

namespace backends::dpdk::splice_core {

namespace {
// So that a caller has bits to spare beside a slot in 32 of them.
constexpr std::size_t kCapacityLimit = std::size_t{1} << 29U;
}  // namespace

template <typename Ip>
PairSlab<Ip>::PairSlab(std::size_t capacity, PageWish wish) : capacity_(capacity) {
  CHECK(capacity > 0 && capacity < kCapacityLimit);
  auto memory = Mapping::make(capacity * sizeof(Pair<Ip>), wish);
  CHECK(memory.has_value());
  memory_ = std::move(*memory);
  pairs_ = reinterpret_cast<Pair<Ip>*>(memory_.data());
}

template <typename Ip>
std::uint32_t PairSlab<Ip>::take() {
  std::uint32_t slot = free_;
  if (slot != kNone) {
    free_ = pairs_[slot].active;
  } else if (used_slots_ < capacity_) {
    slot = used_slots_++;  // Never written: all zero.
  } else {
    return kNone;
  }
  Pair<Ip>& pair = pairs_[slot];
  const auto stamp = static_cast<std::uint16_t>(pair.stamp + 1U);
  pair = Pair<Ip>{};
  pair.stamp = stamp;
  pair.state = PairState::kOpen;
  ++size_;
  return slot;
}

template <typename Ip>
void PairSlab<Ip>::give_back(std::uint32_t slot) {
  CHECK(slot < used_slots_);
  Pair<Ip>& pair = pairs_[slot];
  CHECK(pair.state != PairState::kFree);
  pair.state = PairState::kFree;
  pair.active = free_;
  free_ = slot;
  --size_;
}

template class PairSlab<Ip4>;
template class PairSlab<Ip6>;

}  // namespace backends::dpdk::splice_core
