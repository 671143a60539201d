#include "proxy/top_feed.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>

#include "tests/proxy/top_example.h"

namespace {

using namespace std::chrono_literals;
using proxy::TopFeed;

constexpr int kPatienceMs = 30'000;

bool has_news(const TopFeed& feed, int wait_ms) {
  pollfd watched{.fd = feed.fd(), .events = POLLIN, .revents = 0};
  return poll(&watched, 1, wait_ms) == 1;
}

TEST(TopFeed, AsksAtOnceAndThenAgain) {
  std::atomic<int> asked = 0;
  TopFeed feed(
      [&asked]() -> TopFeed::Answer {
        proxy::TopStatus status = top_example::status();
        status.sessions = ++asked;
        return status;
      },
      1ms);
  double last = 0;
  while (last < 3) {
    ASSERT_TRUE(has_news(feed, kPatienceMs));
    const auto answer = feed.take();
    ASSERT_TRUE(answer && *answer);
    EXPECT_GT((*answer)->sessions, last);
    last = (*answer)->sessions;
  }
}

TEST(TopFeed, HasNothingBeforeAnAnswerAndAfterItWasTaken) {
  std::promise<void> go;
  std::shared_future<void> may_go = go.get_future().share();
  TopFeed feed(
      [may_go]() -> TopFeed::Answer {
        may_go.wait();
        return base::failure(std::string("nobody there"));
      },
      1h);
  EXPECT_FALSE(feed.take());
  EXPECT_FALSE(has_news(feed, 0));
  go.set_value();
  ASSERT_TRUE(has_news(feed, kPatienceMs));
  const auto answer = feed.take();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->error(), "nobody there");
  EXPECT_FALSE(has_news(feed, 0));
  EXPECT_FALSE(feed.take());
}

TEST(TopFeed, EndsWithoutWaitingForTheInterval) {
  const auto start = std::chrono::steady_clock::now();
  {
    TopFeed feed([]() -> TopFeed::Answer { return top_example::status(); }, 1h);
    ASSERT_TRUE(has_news(feed, kPatienceMs));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
}

}  // namespace
