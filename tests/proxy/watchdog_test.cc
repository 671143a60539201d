// The watchdog's times: one message for each half of the timeout, and none while a worker is
// silent.
#include "proxy/watchdog.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

constexpr base::Nanos kTimeout = 10s;
constexpr base::Nanos kStart = 1h;

TEST(Watchdog, WithoutATimeoutThereIsNothingToDo) {
  Watchdog none(base::Nanos{0}, kStart);
  EXPECT_EQ(none.next(), base::kForever);
  EXPECT_EQ(none.step(kStart + 1h, true), Watchdog::Step::kNothing);
}

// Called whenever it wants to be; `answers` for all workers.
std::vector<base::Nanos> messages(Watchdog& watchdog, base::Nanos until, bool answers) {
  std::vector<base::Nanos> all;
  for (base::Nanos now = watchdog.next(); now <= until; now = watchdog.next()) {
    if (watchdog.step(now, answers) == Watchdog::Step::kAlive) all.push_back(now - kStart);
  }
  return all;
}

TEST(Watchdog, WorkersThatAnswerMakeAMessageForEachHalfOfTheTimeout) {
  Watchdog watchdog(kTimeout, kStart);
  const auto all = messages(watchdog, kStart + 16s, true);
  EXPECT_EQ(all, (std::vector<base::Nanos>{500ms, 5500ms, 10500ms, 15500ms}));
}

TEST(Watchdog, ASilentWorkerMakesNone) {
  Watchdog watchdog(kTimeout, kStart);
  EXPECT_TRUE(messages(watchdog, kStart + 1min, false).empty());
}

TEST(Watchdog, ALateAnswerInsideTheTimeoutIsStillInTime) {
  Watchdog watchdog(kTimeout, kStart);
  ASSERT_EQ(messages(watchdog, kStart + 500ms, true).size(), 1U);
  ASSERT_TRUE(messages(watchdog, kStart + 10s, false).empty());
  const auto late = messages(watchdog, kStart + 10500ms, true);
  ASSERT_FALSE(late.empty());
  EXPECT_LE(late.front(), 500ms + kTimeout);
}

TEST(Watchdog, AsksOnceUntilItIsAnswered) {
  Watchdog watchdog(kTimeout, kStart);
  EXPECT_EQ(watchdog.step(kStart, true), Watchdog::Step::kAsk);
  for (base::Nanos now = kStart; now < kStart + 1min; now += 100ms) {
    EXPECT_EQ(watchdog.step(now, false), Watchdog::Step::kNothing);
  }
}

// A worker that does not turn: the command lies in its mailbox, as long as that takes.
class HungWorker : public WorkerFixture, public testing::Test {};

TEST_F(HungWorker, LetsTheWatchdogExpire) {
  Command ping;
  ping.kind = Command::Kind::kPing;
  auto answer = ping.done.get_future();
  ASSERT_TRUE(worker_.post(std::move(ping)));
  const auto answered = [&] { return answer.wait_for(0s) == std::future_status::ready; };
  Watchdog watchdog(kTimeout, kStart);
  ASSERT_EQ(watchdog.step(kStart, true), Watchdog::Step::kAsk);
  for (base::Nanos now = kStart; now < kStart + 2 * kTimeout; now += 100ms) {
    ASSERT_EQ(watchdog.step(now, answered()), Watchdog::Step::kNothing);
  }
  worker_.step(1ms);  // One turn, with nothing else to do.
  EXPECT_EQ(watchdog.step(kStart + 2 * kTimeout, answered()), Watchdog::Step::kAlive);
}

}  // namespace
}  // namespace proxy
