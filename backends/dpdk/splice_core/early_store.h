// Segments of clients whose upstream is not there yet, kept as they came and not acknowledged: when
// the budget is gone the client just sends them again. Lists of fixed slots, memory at first use.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace backends::dpdk::splice_core {

class EarlyStore {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;
  // What fits into one: an IP packet of plain Ethernet.
  static constexpr std::size_t kPacketMax = 1536;

  explicit EarlyStore(std::size_t bytes_max) : slots_max_(bytes_max / kPacketMax) {}

  // A copy behind `last` (kNone: the first of a list). kNone: too large, or the budget is gone.
  std::uint32_t add(std::uint32_t last, std::span<const std::byte> packet);
  std::span<std::byte> at(std::uint32_t slot);
  std::uint32_t next(std::uint32_t slot) const { return slots_[slot].next; }
  // The whole list from `first` on. kNone is an empty list.
  void free_list(std::uint32_t first);

  std::size_t bytes() const { return bytes_; }

 private:
  struct Slot {
    std::unique_ptr<std::byte[]> memory;
    std::uint32_t size = 0;
    std::uint32_t next = kNone;
  };
  std::size_t slots_max_;
  std::size_t bytes_ = 0;
  std::uint32_t free_ = kNone;
  std::vector<Slot> slots_;
};

}  // namespace backends::dpdk::splice_core
