#include "proxy/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "base/prng.h"

namespace proxy {
namespace {

using base::Nanos;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Nanos kStart = hours(100);
constexpr Nanos kTick = TimerWheel::kTick;

struct Sleeper : TimerWheel::Timer {
  std::size_t number = 0;
};

Nanos rounded_up(Nanos deadline) { return (deadline + kTick - Nanos{1}) / kTick * kTick; }

std::size_t pop_all(TimerWheel& wheel, Nanos now) {
  std::size_t popped = 0;
  while (wheel.pop_expired(now) != nullptr) ++popped;
  return popped;
}

TEST(TimerWheel, AnEmptyWheelHasNoDeadline) {
  TimerWheel wheel(kStart);
  EXPECT_EQ(wheel.next_deadline(), base::kForever);
  EXPECT_EQ(wheel.pop_expired(kStart + hours(1)), nullptr);
}

TEST(TimerWheel, ATimerComesOutNeverEarlyAndAtMostOneTickLate) {
  const std::vector<Nanos> delays = {Nanos{1},         kTick - Nanos{1}, kTick,
                                     kTick + Nanos{1}, 64 * kTick,       seconds(5),
                                     hours(1),         hours(24 * 30),   hours(24 * 365)};
  for (const Nanos delay : delays) {
    TimerWheel wheel(kStart);
    Sleeper sleeper;
    const Nanos deadline = kStart + delay;
    wheel.arm(sleeper, deadline);
    EXPECT_TRUE(sleeper.armed());
    EXPECT_EQ(sleeper.deadline(), deadline);
    EXPECT_LE(wheel.next_deadline(), deadline + kTick);
    EXPECT_EQ(wheel.pop_expired(deadline - Nanos{1}), nullptr) << delay.count();
    EXPECT_EQ(wheel.pop_expired(deadline + kTick), &sleeper) << delay.count();
    EXPECT_FALSE(sleeper.armed());
    EXPECT_EQ(wheel.pop_expired(deadline + kTick), nullptr);
    EXPECT_EQ(wheel.next_deadline(), base::kForever);
  }
}

TEST(TimerWheel, ADeadlineThatHasPassedIsDueAtOnce) {
  TimerWheel wheel(kStart);
  Sleeper past;
  Sleeper before_time;
  wheel.arm(past, kStart - hours(1));
  wheel.arm(before_time, Nanos{-5});
  EXPECT_LE(wheel.next_deadline(), kStart);
  EXPECT_EQ(wheel.pop_expired(kStart), &past);
  EXPECT_EQ(wheel.pop_expired(kStart), &before_time);
  EXPECT_EQ(wheel.pop_expired(kStart), nullptr);
}

TEST(TimerWheel, ArmingAnArmedTimerMovesItBothWays) {
  TimerWheel wheel(kStart);
  Sleeper sleeper;
  wheel.arm(sleeper, kStart + seconds(10));
  wheel.arm(sleeper, kStart + seconds(20));
  EXPECT_EQ(wheel.pop_expired(kStart + seconds(11)), nullptr);
  wheel.arm(sleeper, kStart + seconds(12));
  EXPECT_EQ(wheel.pop_expired(kStart + seconds(13)), &sleeper);
  EXPECT_EQ(wheel.pop_expired(kStart + seconds(30)), nullptr);
}

TEST(TimerWheel, ACancelledTimerIsForgotten) {
  TimerWheel wheel(kStart);
  Sleeper cancelled;
  Sleeper kept;
  wheel.cancel(cancelled);  // Not armed: nothing happens.
  wheel.arm(cancelled, kStart + seconds(1));
  wheel.cancel(cancelled);
  EXPECT_FALSE(cancelled.armed());
  EXPECT_EQ(wheel.next_deadline(), base::kForever);
  wheel.arm(cancelled, kStart + seconds(1));
  wheel.arm(kept, kStart + seconds(1));
  wheel.cancel(cancelled);
  EXPECT_EQ(wheel.pop_expired(kStart + seconds(2)), &kept);
  EXPECT_EQ(wheel.pop_expired(kStart + seconds(2)), nullptr);
}

TEST(TimerWheel, TimersMayBeArmedAndCancelledBetweenPops) {
  TimerWheel wheel(kStart);
  Sleeper first;
  Sleeper cancelled;
  Sleeper added;
  wheel.arm(first, kStart + milliseconds(10));
  wheel.arm(cancelled, kStart + milliseconds(10));
  const Nanos now = kStart + milliseconds(50);
  EXPECT_EQ(wheel.pop_expired(now), &first);
  wheel.cancel(cancelled);  // Due already, and still not woken.
  wheel.arm(added, kStart + milliseconds(20));
  wheel.arm(first, kStart + milliseconds(5));
  EXPECT_EQ(wheel.pop_expired(now), &first);
  EXPECT_EQ(wheel.pop_expired(now), &added);
  EXPECT_EQ(wheel.pop_expired(now), nullptr);
}

TEST(TimerWheel, ATimerAndItsWheelMayBeDestroyedInEitherOrder) {
  Sleeper survivor;
  Sleeper due;
  {
    TimerWheel wheel(kStart);
    wheel.arm(survivor, kStart + hours(5));
    wheel.arm(due, kStart);
    {
      Sleeper gone;
      wheel.arm(gone, kStart + seconds(5));
    }
    EXPECT_EQ(wheel.pop_expired(kStart + seconds(6)), &due);
    EXPECT_EQ(wheel.pop_expired(kStart + seconds(6)), nullptr);
    wheel.arm(due, kStart);
  }
  EXPECT_FALSE(survivor.armed());
  EXPECT_FALSE(due.armed());
}

TEST(TimerWheel, ADeadlineBeyondItsReachWaitsForItsTime) {
  constexpr Nanos kYear = hours(24 * 365);
  TimerWheel wheel(kStart);
  Sleeper far_one;
  Sleeper never;
  wheel.arm(far_one, kStart + 10 * kYear);
  wheel.arm(never, base::kForever);
  EXPECT_EQ(wheel.pop_expired(kStart + 3 * kYear), nullptr);
  EXPECT_TRUE(far_one.armed());
  EXPECT_EQ(wheel.pop_expired(kStart + 10 * kYear - Nanos{1}), nullptr);
  EXPECT_EQ(wheel.pop_expired(kStart + 10 * kYear + kTick), &far_one);
  EXPECT_EQ(wheel.pop_expired(kStart + 100 * kYear), nullptr);
  EXPECT_TRUE(never.armed());
}

// 2^32 ms (49.7 days), and where the last level goes round (2^36 ticks): counters that wrap there
// have stopped servers (failure case 135).
TEST(TimerWheel, TimersGoOnOverEveryPlaceWhereACounterCouldWrap) {
  const std::vector<Nanos> places = {Nanos{1} * (std::int64_t{1} << 32),
                                     milliseconds(1LL << 31),
                                     milliseconds(1LL << 32),
                                     kTick * (std::int64_t{1} << 36),
                                     kTick * (std::int64_t{1} << 32),
                                     kTick * (std::int64_t{3} << 36)};
  for (const Nanos place : places) {
    TimerWheel wheel(place - seconds(30));
    Sleeper before;
    Sleeper at;
    Sleeper after;
    Sleeper later;
    wheel.arm(later, place + hours(24));
    wheel.arm(after, place + seconds(30));
    wheel.arm(at, place);
    wheel.arm(before, place - milliseconds(3));
    EXPECT_EQ(wheel.pop_expired(place - milliseconds(1)), &before);
    EXPECT_EQ(wheel.pop_expired(place - milliseconds(1)), nullptr);
    EXPECT_EQ(wheel.pop_expired(place + kTick), &at);
    EXPECT_EQ(wheel.pop_expired(place + seconds(29)), nullptr);
    EXPECT_EQ(wheel.pop_expired(place + seconds(31)), &after);
    EXPECT_LE(wheel.next_deadline(), place + hours(24) + kTick);
    EXPECT_EQ(wheel.pop_expired(place + hours(25)), &later);
  }
}

TEST(TimerWheel, SleepingUntilTheNextDeadlineNeedsFewWakeUpsForOneTimer) {
  TimerWheel wheel(kStart);
  Sleeper sleeper;
  const Nanos deadline = kStart + hours(24 * 300) + Nanos{12345};
  wheel.arm(sleeper, deadline);
  int wake_ups = 0;
  Nanos now = kStart;
  while (wheel.pop_expired(now) == nullptr) {
    ASSERT_GT(wheel.next_deadline(), now) << "a wait of nothing would spin";
    now = wheel.next_deadline();
    ++wake_ups;
  }
  EXPECT_GE(now, deadline);
  EXPECT_LE(now, deadline + kTick);
  EXPECT_LE(wake_ups, 6);
}

TEST(TimerWheel, TimersComeOutInTheOrderOfTheirTicks) {
  TimerWheel wheel(kStart);
  base::Prng prng(7);
  std::vector<Sleeper> sleepers(2000);
  for (Sleeper& sleeper : sleepers) {
    wheel.arm(sleeper, kStart + Nanos(static_cast<std::int64_t>(prng.below(1ULL << 45U))));
  }
  Nanos last{0};
  std::size_t popped = 0;
  while (TimerWheel::Timer* timer = wheel.pop_expired(kStart + hours(24))) {
    EXPECT_GE(rounded_up(timer->deadline()), last);
    last = rounded_up(timer->deadline());
    ++popped;
  }
  EXPECT_EQ(popped, sleepers.size());
}

TEST(TimerWheel, AJumpOfDaysCostsTheTimersNotTheTicks) {
  TimerWheel wheel(kStart);
  std::vector<Sleeper> sleepers(1000);
  Nanos now = kStart;
  // 20,000 days in steps of one: walking the ticks would be 1.6e12 steps.
  for (int day = 0; day < 20'000; ++day) {
    Sleeper& sleeper = sleepers[static_cast<std::size_t>(day) % sleepers.size()];
    wheel.arm(sleeper, now + hours(23));
    now += hours(24);
    EXPECT_EQ(pop_all(wheel, now), 1U);
  }
}

// The model: deadlines rounded up to ticks, in a multimap.
class Model {
 public:
  void arm(std::size_t number, Nanos deadline) {
    cancel(number);
    places_[number] = deadlines_.emplace(rounded_up(deadline), number);
  }
  void cancel(std::size_t number) {
    const auto found = places_.find(number);
    if (found == places_.end()) return;
    deadlines_.erase(found->second);
    places_.erase(found);
  }
  bool armed(std::size_t number) const { return places_.contains(number); }
  Nanos deadline(std::size_t number) const { return places_.at(number)->first; }
  bool anything_due(Nanos now) const {
    return !deadlines_.empty() && deadlines_.begin()->first <= now;
  }
  Nanos first() const { return deadlines_.empty() ? base::kForever : deadlines_.begin()->first; }

 private:
  using Deadlines = std::multimap<Nanos, std::size_t>;
  Deadlines deadlines_;
  std::map<std::size_t, Deadlines::iterator> places_;
};

// Delays of every magnitude, so that every level is used and cascades happen.
Nanos random_delay(base::Prng& prng) {
  return Nanos(static_cast<std::int64_t>(prng.next() >> prng.between(5, 63)));
}

void walk(std::uint64_t seed) {
  constexpr std::size_t kTimers = 300;
  base::Prng prng(seed);
  Nanos now = kStart + random_delay(prng);
  TimerWheel wheel(now);
  Model model;
  std::vector<Sleeper> sleepers(kTimers);
  for (std::size_t i = 0; i < kTimers; ++i) sleepers[i].number = i;
  std::size_t woken = 0;
  for (int step = 0; step < 100'000; ++step) {
    const std::size_t number = prng.below(kTimers);
    const std::uint64_t action = prng.below(10);
    if (action < 5) {
      const Nanos deadline = prng.chance(20) ? now - seconds(1) : now + random_delay(prng);
      wheel.arm(sleepers[number], deadline);
      model.arm(number, deadline);
    } else if (action < 7) {
      wheel.cancel(sleepers[number]);
      model.cancel(number);
    } else {
      // A little on, to the next deadline, or far: but never past what a Nanos holds.
      const Nanos jump = random_delay(prng) / (prng.chance(10) ? 1 : 1024);
      now = prng.chance(300) ? std::max(now, std::min(wheel.next_deadline(), now + hours(99)))
                             : now + std::min<Nanos>(jump, hours(24 * 300));
      while (TimerWheel::Timer* timer = wheel.pop_expired(now)) {
        const auto& sleeper = static_cast<Sleeper&>(*timer);
        ASSERT_TRUE(model.armed(sleeper.number));
        ASSERT_LE(model.deadline(sleeper.number), now) << "early";
        model.cancel(sleeper.number);
        ++woken;
        if (prng.chance(100)) {  // Somebody else's timer goes in the middle of a round.
          const std::size_t other = prng.below(kTimers);
          wheel.cancel(sleepers[other]);
          model.cancel(other);
        }
      }
      ASSERT_FALSE(model.anything_due(now)) << "late";
    }
    ASSERT_LE(wheel.next_deadline(), std::max(model.first(), now));
    ASSERT_EQ(wheel.next_deadline() == base::kForever, model.first() == base::kForever);
    ASSERT_EQ(sleepers[number].armed(), model.armed(number));
  }
  EXPECT_GT(woken, 1000U);
}

TEST(TimerWheel, DoesWhatAMultimapDoesInAHundredThousandRandomSteps) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    walk(seed);
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace proxy
