#include "backends/dpdk/splice_core/flow_index.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace backends::dpdk::splice_core {

namespace {

constexpr std::size_t kEntriesLimit = std::size_t{1} << 30U;
constexpr std::size_t kPlacesAtFirst = 1024;

// Behind the last place. Four times what an insertion may need: when a table grows, the entries at
// the end of the old one come after those that were inserted into the end of the new one, and both
// may overflow. The last word stays empty, which ends every walk along a cluster.
constexpr std::size_t kTail = 4 * FlowIndex::kProbesMax;

// Given back to the system at once: a whole huge page, because a part of one does not come free.
// Takes some 10 us of one insertion, or 100 in plain pages.
constexpr std::size_t kReleaseStep = kHugePageBytes;

constexpr bool too_full(std::size_t entries, std::size_t places) {
  return entries * 4 >= places * 3;
}

// Writes the word to the first empty place from `home` on and before `end`. False: there is none.
bool put(std::uint64_t* home, const std::uint64_t* end, std::uint64_t word) {
  for (std::uint64_t* at = home; at != end; ++at) {
    if (*at != 0) continue;
    *at = word;
    return true;
  }
  return false;
}

}  // namespace

FlowIndex::FlowIndex(std::size_t entries_max, PageWish wish)
    : entries_max_(entries_max),
      places_max_(std::max(kPlacesAtFirst, entries_max * 4 / 3 + 1)),
      wish_(wish) {
  CHECK(entries_max < kEntriesLimit);
  CHECK(make_table(kPlacesAtFirst));
}

bool FlowIndex::make_table(std::size_t places) {
  const std::size_t bytes = (places + kTail) * sizeof(std::uint64_t);
  auto memory = Mapping::make(bytes, bytes < kHugePageBytes ? PageWish::kPlain : wish_);
  if (!memory) return false;
  now_.memory = std::move(*memory);
  now_.words = reinterpret_cast<std::uint64_t*>(now_.memory.data());
  now_.places = places;
  return true;
}

bool FlowIndex::grow() {
  Table full = std::exchange(now_, Table{});
  if (!make_table(std::min(full.places + full.places / 4, places_max_))) {
    now_ = std::move(full);
    return false;
  }
  old_ = std::move(full);
  first_unmoved_hash_ = 0;
  walk_ = 0;
  released_ = 0;
  return true;
}

// Moves the clusters of the next places. It cannot run out of places: the new table has at least as
// many as the old one behind every hash.
void FlowIndex::move_some() {
  const std::size_t enough = walk_ + kPlacesAtOnce;
  const std::uint64_t* const end = now_.words + now_.places + kTail - 1;
  for (;; ++walk_) {  // Ends in the tail at the latest: its last word is empty.
    const std::uint64_t word = old_.words[walk_];
    if (word == kEmpty) {
      if (walk_ >= enough || walk_ >= old_.places) break;
      continue;
    }
    CHECK(put(now_.words + now_.place_of(hash_in(word)), end, word));
  }
  if (walk_ >= old_.places) {
    first_unmoved_hash_ = kAllMoved;
    old_ = Table{};
    return;
  }
  // The lowest hash whose place is walk_: the quotient, rounded up.
  first_unmoved_hash_ = ((std::uint64_t{walk_} << 32U) + old_.places - 1) / old_.places;
  if (walk_ * sizeof(std::uint64_t) - released_ >= kReleaseStep) {
    old_.memory.release(released_, released_ + kReleaseStep);
    released_ += kReleaseStep;
  }
}

bool FlowIndex::insert(std::uint32_t hash, std::uint32_t reference) {
  CHECK(reference != kNothing);
  if (size_ >= entries_max_) return false;
  if (growing()) {
    move_some();
  } else if (too_full(size_, now_.places) && now_.places < places_max_) {
    if (!grow()) return false;
  }
  const Table& table = table_of(hash);
  std::uint64_t* const home = table.words + table.place_of(hash);
  if (!put(home, home + kProbesMax, word_of(hash, reference))) return false;
  ++size_;
  return true;
}

std::uint64_t* FlowIndex::word_at(std::uint32_t hash, std::uint32_t reference) {
  const std::uint64_t word = word_of(hash, reference);
  const Table& table = table_of(hash);
  std::uint64_t* at = table.words + table.place_of(hash);
  while (*at != word) {
    CHECK(*at != kEmpty);
    ++at;
  }
  return at;
}

void FlowIndex::remove(std::uint32_t hash, std::uint32_t reference) {
  const Table& table = table_of(hash);
  std::uint64_t* hole = word_at(hash, reference);
  // What lies behind and may lie here moves here, until the end of the cluster: no entry is ever
  // behind an empty place that is behind its own.
  for (std::uint64_t* at = hole + 1; *at != kEmpty; ++at) {
    if (table.words + table.place_of(hash_in(*at)) > hole) continue;
    *hole = *at;
    hole = at;
  }
  *hole = kEmpty;
  --size_;
}

void FlowIndex::replace(std::uint32_t hash, std::uint32_t old_reference,
                        std::uint32_t new_reference) {
  CHECK(new_reference != kNothing);
  *word_at(hash, old_reference) = word_of(hash, new_reference);
}

std::size_t FlowIndex::memory_bytes() const {
  const std::size_t now = now_.places * sizeof(std::uint64_t);
  if (!growing()) return now;
  const std::size_t written = std::min(now, now / old_.places * walk_);
  return old_.places * sizeof(std::uint64_t) - released_ + written;
}

}  // namespace backends::dpdk::splice_core
