// A worker's timers: a hierarchical wheel (Varghese and Lauck, SOSP 1987) of intrusive timers.
// Owned by one worker, used by its thread alone. It never reads a clock and never allocates, so the
// simulator drives it with virtual time and a million sessions cost it nothing but their own Timer.
//
// Time is counted in ticks of about a millisecond, and a deadline is rounded up to a tick: a timer
// never comes out before its deadline, and comes out at most one tick after it (plus however late
// the caller asks). Six levels of 64 slots reach 2.28 years; what lies beyond waits in the farthest
// slot and is put in again from there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace proxy {

class TimerWheel {
  struct Link {
    Link* next = nullptr;
    Link* prev = nullptr;
  };

 public:
  // 2^20 ns, so that a deadline becomes a tick by a shift.
  static constexpr base::Nanos kTick{1 << 20};

  // What is woken derives from it; the caller of pop_expired() knows the derived type and casts.
  // Destroying an armed timer disarms it.
  class Timer : Link {
   public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    bool armed() const { return next != nullptr; }
    // As given to arm(). Means nothing while not armed.
    base::Nanos deadline() const { return deadline_; }

   protected:
    ~Timer() {
      if (armed()) unlink(*this);
    }

   private:
    friend class TimerWheel;
    base::Nanos deadline_{};
  };
  static_assert(sizeof(Timer) == 24);

  // `start`: now. Time before it has passed.
  explicit TimerWheel(base::Nanos start);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  // Disarms what is still armed.
  ~TimerWheel();

  // Arming an armed timer moves it. A deadline that has passed makes the timer due at once.
  // O(1).
  void arm(Timer& timer, base::Nanos deadline);

  // Does nothing to a timer that is not armed. O(1).
  void cancel(Timer& timer);

  // One timer whose deadline is not after `now`, disarmed; null when there is none. Timers come in
  // the order of their ticks, those of one tick in an order that depends on nothing but the calls
  // made before. Between two pops any timer may be armed or cancelled; one armed for no later than
  // `now` comes out of the same round. `now` must not go back between calls.
  //
  // A jump of `now` costs the timers and slots it passes over, not the ticks.
  Timer* pop_expired(base::Nanos now);

  // No timer comes out of pop_expired() before this time; kForever when no timer is armed. It can
  // be earlier than the first deadline (at most five times for one timer: its way down the levels).
  // O(1).
  base::Nanos next_deadline() const;

 private:
  using Tick = std::uint64_t;
  static constexpr unsigned kLevels = 6;
  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;

  static Tick tick_of(base::Nanos deadline);
  static void append(Link& list, Link& link);
  static void unlink(Link& link);
  static bool empty(const Link& list) { return list.next == &list; }

  void place(Timer& timer);
  void remove(Timer& timer);
  bool advance_to_next_slot(Tick limit);
  bool first_slot(unsigned& level, Tick& starts) const;

  Tick current_;  // Everything up to here is in due_ or has come out.
  Link due_;
  std::array<std::uint64_t, kLevels> occupied_{};  // A bit for each slot that may hold timers.
  std::array<Link, std::size_t{kLevels} * kSlots> slots_;
};

}  // namespace proxy
