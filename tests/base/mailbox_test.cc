// A mailbox between threads: nothing lost, nothing twice, each writer's messages in order.
// Runs under the thread sanitizer too.
#include "base/mailbox.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace {

using base::Mailbox;

TEST(Mailbox, GivesMessagesInTheOrderOfTheirCall) {
  Mailbox<int> mailbox(4);
  EXPECT_TRUE(mailbox.try_push(1));
  EXPECT_TRUE(mailbox.try_push(2));
  EXPECT_EQ(mailbox.try_pop(), 1);
  EXPECT_EQ(mailbox.try_pop(), 2);
  EXPECT_EQ(mailbox.try_pop(), std::nullopt);
}

TEST(Mailbox, IsEmptyAtFirst) {
  Mailbox<int> mailbox(2);
  EXPECT_EQ(mailbox.try_pop(), std::nullopt);
}

TEST(Mailbox, LeavesAMessageAloneWhenItIsFull) {
  Mailbox<std::unique_ptr<int>> mailbox(2);
  EXPECT_TRUE(mailbox.try_push(std::make_unique<int>(1)));
  EXPECT_TRUE(mailbox.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(mailbox.try_push(std::move(third)));
  // That it was not moved is what this test is about.
  ASSERT_TRUE(third != nullptr && *third == 3);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(**mailbox.try_pop(), 1);
  EXPECT_TRUE(mailbox.try_push(std::move(third)));
  EXPECT_EQ(**mailbox.try_pop(), 2);
  EXPECT_EQ(**mailbox.try_pop(), 3);
}

TEST(Mailbox, WorksAtItsSmallestSizeForManyRounds) {
  Mailbox<int> mailbox(2);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(mailbox.try_push(int{i}));
    ASSERT_TRUE(mailbox.try_push(-i));
    ASSERT_FALSE(mailbox.try_push(7));
    ASSERT_EQ(mailbox.try_pop(), i);
    ASSERT_EQ(mailbox.try_pop(), -i);
    ASSERT_EQ(mailbox.try_pop(), std::nullopt);
  }
}

TEST(Mailbox, LetsGoOfAMessageThatWasRead) {
  const auto message = std::make_shared<int>(1);
  Mailbox<std::shared_ptr<int>> mailbox(2);
  ASSERT_TRUE(mailbox.try_push(std::shared_ptr<int>(message)));
  EXPECT_EQ(message.use_count(), 2);
  ASSERT_TRUE(mailbox.try_pop().has_value());
  EXPECT_EQ(message.use_count(), 1);
}

TEST(Mailbox, LetsGoOfWhatNobodyRead) {
  const auto message = std::make_shared<int>(1);
  {
    Mailbox<std::shared_ptr<int>> mailbox(2);
    ASSERT_TRUE(mailbox.try_push(std::shared_ptr<int>(message)));
  }
  EXPECT_EQ(message.use_count(), 1);
}

struct Letter {
  std::size_t writer;
  std::size_t number;
};

TEST(Mailbox, CarriesEveryMessageOfEveryThreadOnceAndInThatThreadsOrder) {
  constexpr std::size_t kWriters = 4;
  constexpr std::size_t kLetters = 20'000;
  Mailbox<Letter> mailbox(16);  // Small, so that it is full and empty many times.
  std::vector<std::jthread> writers;
  for (std::size_t writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&mailbox, writer] {
      for (std::size_t number = 0; number < kLetters; ++number) {
        while (!mailbox.try_push(Letter{writer, number})) std::this_thread::yield();
      }
    });
  }
  std::vector<std::size_t> next(kWriters, 0);
  for (std::size_t read = 0; read < kWriters * kLetters;) {
    const std::optional<Letter> letter = mailbox.try_pop();
    if (!letter) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_LT(letter->writer, kWriters);
    ASSERT_EQ(letter->number, next[letter->writer]) << "from writer " << letter->writer;
    ++next[letter->writer];
    ++read;
  }
  EXPECT_EQ(mailbox.try_pop().has_value(), false);
}

TEST(Mailbox, PublishesWhatTheWriterWroteBefore) {
  Mailbox<std::unique_ptr<std::vector<int>>> mailbox(2);
  std::jthread writer([&mailbox] {
    for (int i = 0; i < 2000; ++i) {
      auto numbers = std::make_unique<std::vector<int>>(8, i);
      while (!mailbox.try_push(std::move(numbers))) std::this_thread::yield();
    }
  });
  for (int i = 0; i < 2000;) {
    const auto numbers = mailbox.try_pop();
    if (!numbers) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(**numbers, std::vector<int>(8, i));
    ++i;
  }
}

TEST(MailboxDeathTest, TakesNoCapacityButAPowerOfTwoFromTwoOn) {
  EXPECT_DEATH(Mailbox<int>(0), "CHECK failed");
  EXPECT_DEATH(Mailbox<int>(1), "CHECK failed");
  EXPECT_DEATH(Mailbox<int>(3), "CHECK failed");
}

}  // namespace
