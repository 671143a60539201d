#include "backends/dpdk/splice_core/early_store.h"

#include <cstring>

namespace backends::dpdk::splice_core {

std::uint32_t EarlyStore::add(std::uint32_t last, std::span<const std::byte> packet) {
  if (packet.size() > kPacketMax) return kNone;
  std::uint32_t slot = free_;
  if (slot != kNone) {
    free_ = slots_[slot].next;
  } else {
    if (slots_.size() >= slots_max_) return kNone;
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back({.memory = std::make_unique<std::byte[]>(kPacketMax)});
  }
  Slot& taken = slots_[slot];
  std::memcpy(taken.memory.get(), packet.data(), packet.size());
  taken.size = static_cast<std::uint32_t>(packet.size());
  taken.next = kNone;
  bytes_ += packet.size();
  if (last != kNone) slots_[last].next = slot;
  return slot;
}

std::span<std::byte> EarlyStore::at(std::uint32_t slot) {
  return {slots_[slot].memory.get(), slots_[slot].size};
}

void EarlyStore::free_list(std::uint32_t first) {
  while (first != kNone) {
    const std::uint32_t next = slots_[first].next;
    bytes_ -= slots_[first].size;
    slots_[first].next = free_;
    free_ = first;
    first = next;
  }
}

}  // namespace backends::dpdk::splice_core
