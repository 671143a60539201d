#include "proxy/admin_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace proxy {
namespace {

using namespace std::chrono_literals;

constexpr int kPatienceMs = 20'000;  // Far beyond what a busy machine takes.

AdminCall call(const std::string& target) {
  AdminCall made;
  made.target = target;
  return made;
}

bool readable(const AdminQueue& queue, int patience_ms) {
  pollfd wait{.fd = queue.fd(), .events = POLLIN, .revents = 0};
  return poll(&wait, 1, patience_ms) == 1;
}

TEST(AdminQueue, BringsTheAnswerToWhoAsked) {
  AdminQueue queue;
  AdminQueue::Outcome outcome;
  std::thread asking([&] { outcome = queue.ask(call("/x"), 20s); });
  ASSERT_TRUE(readable(queue, kPatienceMs));
  const AdminCall* taken = queue.take();
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(taken->target, "/x");
  queue.answer({.body = "done"});
  asking.join();
  ASSERT_TRUE(outcome.reply);
  EXPECT_EQ(outcome.reply->body, "done");
  EXPECT_EQ(queue.take(), nullptr);
  EXPECT_FALSE(readable(queue, 0)) << "an empty queue does not wake main";
}

TEST(AdminQueue, NeverDoesWhatHasBeenGivenUp) {
  AdminQueue queue;
  const auto outcome = queue.ask(call("/x"), 1ms);
  EXPECT_FALSE(outcome.reply);
  EXPECT_EQ(outcome.refusal, AdminRefusal::kTimeout);
  EXPECT_EQ(queue.take(), nullptr);
}

TEST(AdminQueue, WaitsForWhatMainHasBegunWith) {
  AdminQueue queue;
  AdminQueue::Outcome outcome;
  std::thread asking([&] { outcome = queue.ask(call("/x"), 100ms); });
  ASSERT_TRUE(readable(queue, kPatienceMs));
  if (queue.take() != nullptr) {
    EXPECT_FALSE(poll(nullptr, 0, 200));  // Beyond the patience.
    queue.answer({.body = "late"});
    asking.join();
    ASSERT_TRUE(outcome.reply);
    EXPECT_EQ(outcome.reply->body, "late");
    return;
  }
  asking.join();  // This thread slept for 100 ms: the call had been given up.
  EXPECT_EQ(outcome.refusal, AdminRefusal::kTimeout);
}

TEST(AdminQueue, IsBoundedAndAnswersInOrder) {
  AdminQueue queue;
  std::vector<std::thread> asking;
  asking.reserve(AdminQueue::kCallsMax);
  std::array<AdminQueue::Outcome, AdminQueue::kCallsMax> outcomes;
  for (auto& outcome : outcomes) {
    asking.emplace_back([&] {
      do {
        outcome = queue.ask(call("/x"), 20s);
      } while (outcome.refusal == AdminRefusal::kQueueFull);  // The one more was in its place.
    });
  }
  // Full when all have come in; until then one more waits and is given up.
  AdminQueue::Outcome refused;
  do {
    refused = queue.ask(call("/one more"), 1ms);
  } while (refused.refusal == AdminRefusal::kTimeout);
  EXPECT_EQ(refused.refusal, AdminRefusal::kQueueFull);
  std::size_t answered = 0;
  while (queue.take() != nullptr) {
    queue.answer({});
    ++answered;
  }
  EXPECT_EQ(answered, AdminQueue::kCallsMax);
  for (std::thread& thread : asking) thread.join();
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome.reply);
}

TEST(AdminQueue, TellsWhoWaitsThatItIsClosed) {
  AdminQueue queue;
  AdminQueue::Outcome outcome;
  std::thread asking([&] { outcome = queue.ask(call("/x"), 20s); });
  ASSERT_TRUE(readable(queue, kPatienceMs));
  queue.close();
  asking.join();
  EXPECT_FALSE(outcome.reply);
  EXPECT_EQ(outcome.refusal, AdminRefusal::kStopping);
  EXPECT_EQ(queue.ask(call("/y"), 20s).refusal, AdminRefusal::kStopping);
  EXPECT_EQ(queue.take(), nullptr);
}

}  // namespace
}  // namespace proxy
