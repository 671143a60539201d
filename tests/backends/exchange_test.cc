#include "backends/exchange.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

namespace backends {
namespace {

using Stage = Exchange::Stage;

constexpr Tag kTag{.kind = 7, .id = {.slot = 1, .generation = 2}};

std::vector<std::byte> bytes(std::size_t count) { return std::vector<std::byte>(count); }

TEST(Exchange, SendsAllOfTheRequestThenWaits) {
  Exchange exchange;
  EXPECT_EQ(exchange.stage(), Stage::kIdle);
  exchange.begin(bytes(10), 5, kTag);
  EXPECT_EQ(exchange.stage(), Stage::kSending);
  exchange.sent(4);
  EXPECT_EQ(exchange.stage(), Stage::kSending);
  EXPECT_EQ(exchange.unsent().size(), 6U);
  exchange.sent(6);
  EXPECT_EQ(exchange.stage(), Stage::kReceiving);
  EXPECT_EQ(exchange.room(), 5U);
}

TEST(Exchange, IsOverWhenTheRequestHasLeftAndNothingIsAwaited) {
  Exchange exchange;
  exchange.begin(bytes(1), 0, kTag);
  exchange.sent(1);
  ASSERT_EQ(exchange.stage(), Stage::kAnswered);
  const Event event = exchange.take_answer();
  EXPECT_EQ(event.kind, EventKind::kExchanged);
  EXPECT_EQ(event.tag, kTag);
  EXPECT_EQ(event.error, base::Errno::kNone);
  EXPECT_EQ(exchange.stage(), Stage::kIdle);
}

TEST(Exchange, CollectsTheReplyOverSeveralQuestions) {
  Exchange exchange;
  for (const std::size_t expected : {3U, 6U}) {
    exchange.begin({}, 8, kTag);
    ASSERT_EQ(exchange.stage(), Stage::kReceiving);
    exchange.received(bytes(3));
    ASSERT_EQ(exchange.stage(), Stage::kAnswered);
    EXPECT_EQ(exchange.take_answer().error, base::Errno::kNone);
    EXPECT_EQ(exchange.reply().size(), expected);
  }
  // At most so many as the last question allowed.
  exchange.begin({}, 2, kTag);
  EXPECT_EQ(exchange.reply().size(), 2U);
}

TEST(Exchange, SaysThatThereIsNoRoomForMore) {
  Exchange exchange;
  exchange.begin({}, 2, kTag);
  exchange.received(bytes(2));
  static_cast<void>(exchange.take_answer());
  exchange.begin({}, 2, kTag);
  ASSERT_EQ(exchange.stage(), Stage::kAnswered);
  EXPECT_EQ(exchange.take_answer().error, base::to_errno(ENOBUFS));
}

TEST(Exchange, FailsWithTheErrorThatEndedIt) {
  Exchange exchange;
  exchange.begin(bytes(3), 2, kTag);
  exchange.fail(base::to_errno(ECONNRESET));
  ASSERT_EQ(exchange.stage(), Stage::kAnswered);
  EXPECT_EQ(exchange.take_answer().error, base::to_errno(ECONNRESET));
}

}  // namespace
}  // namespace backends
