// From the hash of a flow to the numbers of what may be it. It knows no addresses: an entry is the
// 32-bit hash and a 32-bit reference, and the caller compares the flow itself, which it has to load
// anyway. 8 bytes an entry, open addressing with linear probing over places in the order of the
// hash (place = hash * places / 2^32), so it grows by any factor, by walking once through both
// tables side by side: at most kMovedAtOnce entries with each insertion, never a pause.
// Load between 0.6 and 0.75 once it has grown: at most 13.4 bytes an entry. Removal shifts back,
// there are no tombstones. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/dpdk/splice_core/memory.h"

namespace backends::dpdk::splice_core {

class FlowIndex {
 public:
  // entries_max: past it insert() says no. Memory grows with what is in it.
  FlowIndex(std::size_t entries_max, PageWish wish);

  static constexpr std::uint32_t kNothing = 0xffffffff;  // Not a reference.

  // Brings the entry's cache line near.
  void prefetch(std::uint32_t hash) const;

  // The reference of the first entry with this hash for which matches(reference) is true, or
  // kNothing.
  template <typename Matches>
  std::uint32_t find(std::uint32_t hash, Matches matches) const;
  // The reference of the first entry with this hash, or kNothing: to prefetch what it names.
  std::uint32_t peek(std::uint32_t hash) const;

  // False when it is full (or no memory is left). The pair must not be there already.
  bool insert(std::uint32_t hash, std::uint32_t reference);
  // The entry must be there.
  void remove(std::uint32_t hash, std::uint32_t reference);
  void replace(std::uint32_t hash, std::uint32_t old_reference, std::uint32_t new_reference);

  std::size_t size() const { return size_; }
  std::size_t places() const;  // Of the table that is used now.
  bool growing() const;
  std::size_t memory_bytes() const;

 private:
  std::size_t size_ = 0;
};

}  // namespace backends::dpdk::splice_core
