#include "proxy/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace proxy {

namespace {

constexpr unsigned kTickShift = 20;
constexpr unsigned kDigitMask = 63;
static_assert(TimerWheel::kTick.count() == std::int64_t{1} << kTickShift);

}  // namespace

// Invariants, `digit n` being bits 6n to 6n+5 of a tick:
//   - a timer in slot s of level n < 5 agrees with current_ in all digits above n, and s > digit n
//     of current_. So a level's slots all start before the next level's first one.
//   - level 5 is a ring: its slots lie 1 to 63 ahead of current_, wherever its last digit stands.
//   - a slot may hold no timer although its bit is set (a Timer was destroyed); that costs one
//     early wake-up.

TimerWheel::TimerWheel(base::Nanos start)
    : current_(static_cast<Tick>(std::max(start, base::Nanos{0}).count()) >> kTickShift) {
  due_.next = due_.prev = &due_;
  for (Link& slot : slots_) slot.next = slot.prev = &slot;
}

TimerWheel::~TimerWheel() {
  while (!empty(due_)) unlink(*due_.next);
  for (Link& slot : slots_) {
    while (!empty(slot)) unlink(*slot.next);
  }
}

void TimerWheel::arm(Timer& timer, base::Nanos deadline) {
  remove(timer);
  timer.deadline_ = deadline;
  place(timer);
}

void TimerWheel::cancel(Timer& timer) { remove(timer); }

TimerWheel::Timer* TimerWheel::pop_expired(base::Nanos now) {
  const Tick limit = static_cast<Tick>(std::max(now, base::Nanos{0}).count()) >> kTickShift;
  while (empty(due_)) {
    if (!advance_to_next_slot(limit)) return nullptr;
  }
  auto* timer = static_cast<Timer*>(due_.next);
  unlink(*timer);
  return timer;
}

base::Nanos TimerWheel::next_deadline() const {
  if (!empty(due_)) return base::Nanos{static_cast<std::int64_t>(current_ << kTickShift)};
  unsigned level = 0;
  Tick starts = 0;
  if (!first_slot(level, starts)) return base::kForever;
  return base::Nanos{static_cast<std::int64_t>(starts << kTickShift)};
}

// Rounded up: a timer must not come out early.
TimerWheel::Tick TimerWheel::tick_of(base::Nanos deadline) {
  if (deadline <= base::Nanos{0}) return 0;
  return (static_cast<Tick>(deadline.count() - 1) >> kTickShift) + 1;
}

void TimerWheel::append(Link& list, Link& link) {
  link.prev = list.prev;
  link.next = &list;
  list.prev->next = &link;
  list.prev = &link;
}

void TimerWheel::unlink(Link& link) {
  link.prev->next = link.next;
  link.next->prev = link.prev;
  link.next = link.prev = nullptr;
}

void TimerWheel::place(Timer& timer) {
  // As far as level 5 reaches without meeting its own tail.
  constexpr Tick kReach = Tick{kSlots - 1} << (kSlotBits * (kLevels - 1));
  const Tick tick = std::min(tick_of(timer.deadline_), current_ + kReach);
  if (tick <= current_) {
    append(due_, timer);
    return;
  }
  const auto digits = static_cast<unsigned>(std::bit_width(tick ^ current_) - 1) / kSlotBits;
  const unsigned level = std::min(digits, kLevels - 1);
  const auto slot = static_cast<unsigned>(tick >> (kSlotBits * level)) & kDigitMask;
  append(slots_[level * kSlots + slot], timer);
  occupied_[level] |= std::uint64_t{1} << slot;
}

void TimerWheel::remove(Timer& timer) {
  if (!timer.armed()) return;
  const Link* next = timer.next;
  unlink(timer);
  if (!empty(*next) || next == &due_) return;
  // A list that has just become empty leaves only its head, and heads are the slots.
  const auto index = static_cast<std::size_t>(next - slots_.data());
  occupied_[index / kSlots] &= ~(std::uint64_t{1} << (index % kSlots));
}

// The slot that starts first, and its first tick. False when no slot is occupied.
bool TimerWheel::first_slot(unsigned& level, Tick& starts) const {
  for (level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    const unsigned shift = kSlotBits * level;
    const auto digit = static_cast<int>((current_ >> shift) & kDigitMask);
    // On every level but the last the first slot is ahead without going round; rotating is right
    // for both.
    const auto ahead = static_cast<Tick>(std::countr_zero(std::rotr(occupied_[level], digit)));
    starts = ((current_ >> shift) + ahead) << shift;
    return true;
  }
  return false;
}

// Moves current_ to the next occupied slot and puts its timers where they belong now: one level
// down or more, or among the due ones. False when that slot starts after `limit`; current_ is then
// at `limit`, which breaks no invariant, because nothing lies between.
bool TimerWheel::advance_to_next_slot(Tick limit) {
  unsigned level = 0;
  Tick starts = 0;
  if (!first_slot(level, starts) || starts > limit) {
    current_ = std::max(current_, limit);
    return false;
  }
  current_ = starts;
  const auto index = static_cast<unsigned>(starts >> (kSlotBits * level)) & kDigitMask;
  occupied_[level] &= ~(std::uint64_t{1} << index);
  Link& slot = slots_[level * kSlots + index];
  while (!empty(slot)) {
    auto* timer = static_cast<Timer*>(slot.next);
    unlink(*timer);
    place(*timer);  // Never back into this slot: the reach of level 5 ends one short of it.
  }
  return true;
}

}  // namespace proxy
