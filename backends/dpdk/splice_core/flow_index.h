// From the hash of a flow to the numbers of what may be it. It knows no addresses: an entry is the
// 32-bit hash and a 32-bit reference, and the caller compares the flow itself, which it has to load
// anyway. 8 bytes an entry, open addressing with linear probing over places in the order of the
// hash (place = hash * places / 2^32), so it grows by any factor, by walking once through both
// tables side by side: kPlacesAtOnce places with each insertion, never a pause.
// Load between 0.6 and 0.75 once it has grown: at most 13.4 bytes an entry. Removal shifts back,
// there are no tombstones. One thread.
//
// While it grows, an entry is in exactly one table, and its hash says in which: those below
// first_unmoved_hash_ are in the new one, the rest in the old one. Whole clusters (runs of places
// without an empty one) move together, so the walk always rests on an empty place and no cluster of
// the old table lies on both sides of it. A table does not wrap: behind its last place is a tail
// for what overflows from it.
//
// A table is reserved addresses that become memory as the walk writes to them, and the old one is
// given back behind the walk, so growing costs a quarter more memory, not twice as much. That needs
// pages that come and go: where PageWish::kHuge finds no pool of huge pages, or not enough left in
// it, the table is in transparent ones; one that is in the pool is given back whole, at the end of
// the walk. Tables below a huge page are in plain pages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/dpdk/splice_core/memory.h"

namespace backends::dpdk::splice_core {

class FlowIndex {
 public:
  // entries_max: past it insert() says no. Memory grows with what is in it and does not shrink.
  // Dies (CHECK) when there is not even memory for the first, small table, or entries_max is 2^30
  // or more.
  FlowIndex(std::size_t entries_max, PageWish wish);
  FlowIndex(const FlowIndex&) = delete;
  FlowIndex& operator=(const FlowIndex&) = delete;

  static constexpr std::uint32_t kNothing = 0xffffffff;  // Not a reference.

  // Brings the entry's cache line near.
  void prefetch(std::uint32_t hash) const { __builtin_prefetch(home_of(hash)); }

  // The reference of the first entry with this hash for which matches(reference) is true, or
  // kNothing.
  template <typename Matches>
  std::uint32_t find(std::uint32_t hash, Matches matches) const {
    for (const std::uint64_t* at = home_of(hash); *at != kEmpty; ++at) {
      if (hash_in(*at) == hash && matches(reference_in(*at))) return reference_in(*at);
    }
    return kNothing;
  }
  // The reference of the first entry with this hash, or kNothing: to prefetch what it names.
  std::uint32_t peek(std::uint32_t hash) const {
    return find(hash, [](std::uint32_t /*reference*/) { return true; });
  }

  // False when it is full, when no memory is left, or when kProbesMax places in a row are taken
  // (which random hashes do not do). The pair must not be there already.
  bool insert(std::uint32_t hash, std::uint32_t reference);
  // The entry must be there.
  void remove(std::uint32_t hash, std::uint32_t reference);
  void replace(std::uint32_t hash, std::uint32_t old_reference, std::uint32_t new_reference);

  std::size_t size() const { return size_; }
  std::size_t places() const { return now_.places; }  // Of the table that is used now.
  bool growing() const { return first_unmoved_hash_ != kAllMoved; }
  // What has become memory of the tables; their tails, which nearly nothing is ever written to, are
  // not counted.
  std::size_t memory_bytes() const;

  // How far behind its own place an insertion puts an entry at most. The longest cluster of 27
  // million places at load 0.75 is around 450.
  static constexpr std::size_t kProbesMax = 2048;
  // Places of the old table that one insertion moves; it goes on to the end of the last cluster.
  // The walk is over after places / 32 insertions, and the next one is due after places * 3 / 16.
  static constexpr std::size_t kPlacesAtOnce = 32;

 private:
  // A word of a table: the hash above, the reference + 1 below, so that a page the kernel has just
  // given, all zeros, is empty places.
  static constexpr std::uint64_t kEmpty = 0;
  static constexpr std::uint64_t word_of(std::uint32_t hash, std::uint32_t reference) {
    return (std::uint64_t{hash} << 32U) | (reference + 1U);
  }
  static constexpr std::uint32_t hash_in(std::uint64_t word) {
    return static_cast<std::uint32_t>(word >> 32U);
  }
  static constexpr std::uint32_t reference_in(std::uint64_t word) {
    return static_cast<std::uint32_t>(word) - 1U;
  }

  struct Table {
    Mapping memory;
    std::uint64_t* words = nullptr;  // places, and kTail more.
    std::size_t places = 0;

    std::size_t place_of(std::uint32_t hash) const { return (hash * places) >> 32U; }
  };

  // Above every hash.
  static constexpr std::uint64_t kAllMoved = std::uint64_t{1} << 32U;

  const Table& table_of(std::uint32_t hash) const {
    return hash < first_unmoved_hash_ ? now_ : old_;
  }
  const std::uint64_t* home_of(std::uint32_t hash) const {
    const Table& table = table_of(hash);
    return table.words + table.place_of(hash);
  }

  bool make_table(std::size_t places);
  bool grow();
  void move_some();
  std::uint64_t* word_at(std::uint32_t hash, std::uint32_t reference);

  std::uint64_t first_unmoved_hash_ = kAllMoved;
  Table now_;
  Table old_;                 // Has nothing unless growing().
  std::size_t walk_ = 0;      // The next place of the old table to be moved.
  std::size_t released_ = 0;  // Bytes of the old table that were given back.
  std::size_t size_ = 0;
  std::size_t entries_max_;
  std::size_t places_max_;  // Enough for entries_max_ at the highest load.
  PageWish wish_;
};

}  // namespace backends::dpdk::splice_core
