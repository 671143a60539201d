#include "proxy/top_history.h"

#include <gtest/gtest.h>

#include "tests/proxy/top_example.h"

namespace {

using proxy::TopHistory;
using proxy::TopStatus;

TEST(TopHistory, SaysNoRateOfOneDocument) {
  TopHistory history;
  EXPECT_TRUE(history.add(top_example::status()));
  const auto figures = history.figures();
  EXPECT_EQ(figures.status.sessions, 12);
  EXPECT_FALSE(figures.totals);
  ASSERT_EQ(figures.listeners.size(), 2U);
  EXPECT_FALSE(figures.listeners[0]);
  EXPECT_FALSE(figures.busy.at(0));
  EXPECT_FALSE(figures.setup_p50);
  EXPECT_TRUE(figures.samples.empty());
}

TEST(TopHistory, DividesTheDifferenceByTheTime) {
  const auto figures = top_example::figures();  // Two seconds apart.
  ASSERT_TRUE(figures.totals);
  EXPECT_EQ(figures.totals->accepted, 100);
  EXPECT_EQ(figures.totals->bytes, (proxy::TopBytes{1024, 2048}));
  ASSERT_TRUE(figures.listeners.at(1));
  EXPECT_EQ(figures.listeners[1]->accepted, 25);
  ASSERT_TRUE(figures.upstreams.at(0));
  EXPECT_EQ(figures.upstreams[0]->pool_hits, 15);
  EXPECT_DOUBLE_EQ(figures.busy.at(0).value_or(-1), 0.95);
  EXPECT_EQ(figures.busy.at(1), 0);
  EXPECT_EQ(figures.cpu, 0.5);
  EXPECT_EQ(figures.ends.at(0), 100);
  EXPECT_EQ(figures.ends.at(1), 2);  // It was in no document before.
  ASSERT_EQ(figures.samples.size(), 1U);
  EXPECT_EQ(figures.samples[0].accepted, 100);
}

TEST(TopHistory, FindsElementsByNameAfterAReload) {
  TopStatus second = top_example::later();
  std::swap(second.listeners[0], second.listeners[1]);
  second.listeners.insert(second.listeners.begin(), top_example::listener("new", "1.2.3.4:5", 0));
  const auto figures = top_example::figures_of(top_example::status(), second);
  EXPECT_FALSE(figures.listeners.at(0));
  ASSERT_TRUE(figures.listeners.at(1));
  EXPECT_EQ(figures.listeners[1]->accepted, 25);
  ASSERT_TRUE(figures.listeners.at(2));
  EXPECT_EQ(figures.listeners[2]->accepted, 75);
}

TEST(TopHistory, TakesTheNewestDocumentThatIsOldEnough) {
  TopHistory history;
  TopStatus status = top_example::status();
  double accepted = 0;
  for (int i = 0; i < 20; ++i) {
    history.add(status);
    status.now += 0.5;
    // 10 a second, then 100.
    accepted += i < 10 ? 5 : 50;
    status.totals.accepted = accepted;
  }
  const auto figures = history.figures();
  ASSERT_TRUE(figures.totals);
  EXPECT_EQ(figures.totals->accepted, 100);
  EXPECT_EQ(figures.samples.size(), 19U);
}

TEST(TopHistory, KeepsSoManySamplesAndNoMore) {
  TopHistory history;
  TopStatus status = top_example::status();
  for (int i = 0; i < 1000; ++i) {
    history.add(status);
    status.now += 1;
    status.sessions = i;
  }
  const auto figures = history.figures();
  EXPECT_EQ(figures.samples.size(), 256U);
  EXPECT_EQ(figures.samples.back().sessions, 998);
}

TEST(TopHistory, BeginsAgainWithAnotherProcessOrAClockThatWasSetBack) {
  TopHistory history;
  history.add(top_example::status());
  history.add(top_example::later());
  TopStatus restarted = top_example::status();
  restarted.started += 100;
  restarted.now += 101;
  EXPECT_FALSE(history.add(restarted));
  EXPECT_FALSE(history.figures().totals);
  EXPECT_TRUE(history.figures().samples.empty());
  TopStatus earlier = restarted;
  earlier.now -= 50;
  EXPECT_FALSE(history.add(earlier));
  EXPECT_FALSE(history.figures().totals);
}

TEST(TopHistory, SaysNothingOfACounterThatFell) {
  TopStatus first = top_example::later();
  TopStatus second = top_example::status();
  second.now = first.now + 2;
  const auto figures = top_example::figures_of(first, second);
  ASSERT_TRUE(figures.totals);
  EXPECT_EQ(figures.totals->accepted, 0);
}

TEST(Quantile, IsEvenInsideABucket) {
  const proxy::TopLatency before = {.count = 10, .buckets = {{0.001, 10}, {0.003, 10}}};
  const proxy::TopLatency now = {.count = 110, .buckets = {{0.001, 60}, {0.003, 110}}};
  EXPECT_DOUBLE_EQ(proxy::quantile(0.5, now, before).value_or(-1), 0.001);
  EXPECT_DOUBLE_EQ(proxy::quantile(0.25, now, before).value_or(-1), 0.0005);
  EXPECT_DOUBLE_EQ(proxy::quantile(0.75, now, before).value_or(-1), 0.002);
}

TEST(Quantile, IsTheLastBoundForWhatIsBeyondAndNoneForNothing) {
  const proxy::TopLatency before = {.count = 0, .buckets = {{0.001, 0}}};
  EXPECT_EQ(proxy::quantile(0.5, {.count = 5, .buckets = {{0.001, 0}}}, before), 0.001);
  EXPECT_EQ(proxy::quantile(0.5, before, before), std::nullopt);
  EXPECT_EQ(proxy::quantile(0.5, {.count = 5, .buckets = {}}, before), std::nullopt);
}

}  // namespace
