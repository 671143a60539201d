#include "backends/dpdk/splice_core/half_open.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"

namespace backends::dpdk::splice_core {
namespace {

// From the SYN to the first time, then from each time to the next: 1, 3 and 7 seconds from the SYN.
constexpr std::array<base::Nanos, 3> kDelays = {std::chrono::seconds(1), std::chrono::seconds(2),
                                                std::chrono::seconds(4)};
// After a pause of the worker several times of one flow may have passed: they are not made up for
// in one burst.
constexpr base::Nanos kLeastGap = std::chrono::seconds(1);

constexpr std::size_t kCapacityMax = std::size_t{1} << 30U;

// At most two places in three are taken: probes stay short, and there is always an empty one for
// them to end at.
std::size_t places_for(std::size_t capacity) {
  return std::bit_ceil(std::max<std::size_t>(capacity + (capacity / 2), 2));
}

}  // namespace

template <typename Ip>
HalfOpenTable<Ip>::HalfOpenTable(std::size_t capacity, const HashSecret& secret)
    : capacity_(capacity),
      secret_(secret),
      place_mask_(places_for(capacity) - 1),
      slots_(capacity),
      places_(place_mask_ + 1, kNone) {
  static_assert(kDelays.size() == kTimes);
  CHECK(capacity < kCapacityMax);
  for (std::size_t slot = capacity; slot > 0; --slot) {
    slots_[slot - 1].after = free_;
    free_ = static_cast<std::uint32_t>(slot - 1);
  }
}

template <typename Ip>
bool HalfOpenTable<Ip>::add(const HalfOpen<Ip>& entry, base::Nanos now) {
  const std::uint32_t hash = hash_of(entry.flow, secret_);
  const std::size_t place = place_of(entry.flow, hash);
  std::uint32_t slot = places_[place];
  if (slot != kNone) {
    unlink(slot);
  } else {
    if (free_ == kNone) return false;
    slot = free_;
    free_ = slots_[slot].after;
    places_[place] = slot;
    slots_[slot].hash = hash;
    ++size_;
  }
  slots_[slot].entry = entry;
  append(slot, 0, now + kDelays.front());
  return true;
}

template <typename Ip>
const HalfOpen<Ip>* HalfOpenTable<Ip>::find(const FlowKey<Ip>& flow) const {
  const std::uint32_t slot = places_[place_of(flow, hash_of(flow, secret_))];
  return slot == kNone ? nullptr : &slots_[slot].entry;
}

template <typename Ip>
bool HalfOpenTable<Ip>::remove(const FlowKey<Ip>& flow) {
  const std::size_t place = place_of(flow, hash_of(flow, secret_));
  if (places_[place] == kNone) return false;
  unlink(places_[place]);
  forget(place);
  return true;
}

template <typename Ip>
const HalfOpen<Ip>* HalfOpenTable<Ip>::next_due(base::Nanos now) {
  // The earliest of the queues, so that none waits for another when the caller takes only a few.
  std::uint32_t next = kNone;
  for (const Queue& queue : queues_) {
    const std::uint32_t first = queue.first;
    if (first == kNone || slots_[first].due > now) continue;
    if (next == kNone || slots_[first].due < slots_[next].due) next = first;
  }
  if (next == kNone) return nullptr;

  Slot& slot = slots_[next];
  unlink(next);
  const std::size_t stage = std::size_t{slot.stage} + 1;
  if (stage < kTimes) {
    append(next, stage, std::max(slot.due + kDelays.at(stage), now + kLeastGap));
  } else {
    forget(place_of(slot.entry.flow, slot.hash));  // A free slot keeps its entry until it is taken.
  }
  return &slot.entry;
}

// Where the flow is, or the empty place where it would go.
template <typename Ip>
std::size_t HalfOpenTable<Ip>::place_of(const FlowKey<Ip>& flow, std::uint32_t hash) const {
  std::size_t place = hash & place_mask_;
  while (places_[place] != kNone) {
    const Slot& slot = slots_[places_[place]];
    if (slot.hash == hash && slot.entry.flow == flow) break;
    place = (place + 1) & place_mask_;
  }
  return place;
}

// Empties a place and moves back what had been pushed past it, so that no probe ends too early.
template <typename Ip>
void HalfOpenTable<Ip>::clear_place(std::size_t place) {
  std::size_t hole = place;
  std::size_t at = (hole + 1) & place_mask_;
  while (places_[at] != kNone) {
    const std::size_t home = slots_[places_[at]].hash & place_mask_;
    if (((at - home) & place_mask_) >= ((at - hole) & place_mask_)) {
      places_[hole] = places_[at];
      hole = at;
    }
    at = (at + 1) & place_mask_;
  }
  places_[hole] = kNone;
}

// The slot is in no queue; `due` is not before that of the last one there.
template <typename Ip>
void HalfOpenTable<Ip>::append(std::uint32_t slot, std::size_t stage, base::Nanos due) {
  Queue& queue = queues_.at(stage);
  Slot& added = slots_[slot];
  added.due = due;
  added.stage = static_cast<std::uint8_t>(stage);
  added.before = queue.last;
  added.after = kNone;
  (queue.last == kNone ? queue.first : slots_[queue.last].after) = slot;
  queue.last = slot;
}

template <typename Ip>
void HalfOpenTable<Ip>::unlink(std::uint32_t slot) {
  const Slot& gone = slots_[slot];
  Queue& queue = queues_.at(gone.stage);
  (gone.before == kNone ? queue.first : slots_[gone.before].after) = gone.after;
  (gone.after == kNone ? queue.last : slots_[gone.after].before) = gone.before;
}

// The slot at this place is in no queue any more.
template <typename Ip>
void HalfOpenTable<Ip>::forget(std::size_t place) {
  const std::uint32_t slot = places_[place];
  clear_place(place);
  slots_[slot].after = free_;
  free_ = slot;
  --size_;
}

template class HalfOpenTable<Ip4>;
template class HalfOpenTable<Ip6>;

}  // namespace backends::dpdk::splice_core
