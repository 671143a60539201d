#include "proxy/pools.h"

#include <set>

#include "tests/proxy/pooling.h"

namespace proxy {
namespace {

using backends::SimPeer;
using backends::SimReach;
using base::Nanos;

class PoolsTest : public PoolingTest {
 protected:
  void expect_gauges_are_right() {
    std::int64_t idle = cells().pool_idle.value();
    std::int64_t connecting = cells().pool_connecting.value();
    EXPECT_EQ(static_cast<std::size_t>(idle + connecting), pools().size());
    EXPECT_EQ(endpoint_cells().pooled.value(), idle + connecting);
    EXPECT_EQ(endpoint_cells().connecting.value(), connecting);
  }
};

TEST_F(PoolsTest, IsFilledBeforeAnybodyAsksAndHandsOutEachConnectionOnce) {
  serve();
  apply();
  run_for(100ms);
  EXPECT_EQ(cells().pool_idle.value(), 4);
  EXPECT_EQ(served(), 4U);
  expect_gauges_are_right();
  std::set<std::uint64_t> numbers;
  std::vector<ReadyConnection> taken;
  for (int i = 0; i < 4; ++i) {
    taken.push_back(take());
    ASSERT_TRUE(taken.back());
    EXPECT_EQ(taken.back().connect_time, 10ms);
    numbers.insert(static_cast<std::uint64_t>(taken.back().connection.id()));
  }
  EXPECT_EQ(numbers.size(), 4U);
  EXPECT_FALSE(take());
  EXPECT_EQ(checkouts(Checkout::kHit), 4U);
  EXPECT_EQ(checkouts(Checkout::kMiss), 1U);
  EXPECT_EQ(cells().saved_nanoseconds.value(), 40'000'000U);
  run_for(100ms);  // And refilled, now for the demand that was seen.
  EXPECT_GE(cells().pool_idle.value(), 4);
  expect_gauges_are_right();
}

TEST_F(PoolsTest, TheOneThatHasWaitedLongestIsHandedOut) {
  serve();
  pool().idle = 2;
  apply();
  run_for(100ms);
  const Nanos first = take().connected_at;
  run_for(1s);
  EXPECT_EQ(take().connected_at, first);
  run_for(1s);
  EXPECT_GT(take().connected_at, first);
}

TEST_F(PoolsTest, WithoutAPoolThereIsNothing) {
  serve();
  pool().idle = 0;
  apply();
  run_for(1s);
  EXPECT_EQ(served(), 0U);
  EXPECT_FALSE(take());
  EXPECT_EQ(checkouts(Checkout::kMiss), 0U);
  EXPECT_TRUE(pools().make_room(endpoint()));
  EXPECT_EQ(pools().next_deadline(), base::kForever);
}

TEST_F(PoolsTest, NoMoreThanSomeConnectAtATimeWhenNobodyAsks) {
  serve();
  pool() = {.idle = 40, .idle_max = 40, .max_age = 30s};
  apply();
  std::int64_t most = 0;
  for (int i = 0; i < 100; ++i) {
    run_for(1ms);
    most = std::max(most, cells().pool_connecting.value());
  }
  EXPECT_EQ(most, EndpointPool::kConnectingMin);
  EXPECT_EQ(cells().pool_idle.value(), 40);
}

TEST_F(PoolsTest, IsReplacedBeforeItIsTooOld) {
  serve();
  apply();
  run_for(5min);
  EXPECT_EQ(cells().pool_idle.value(), 4);
  EXPECT_GE(discarded(Discard::kAged), 4U * 10U);
  EXPECT_LE(discarded(Discard::kAged), 4U * 14U);
  for (std::size_t i = 0; i < served(); ++i) EXPECT_FALSE(peer(i).was_reset());
}

TEST_F(PoolsTest, WhatTheServiceClosesIsReplacedAndNeverHandedOut) {
  serve();
  apply();
  run_for(1s);
  peer(0).close();
  peer(1).reset();
  run_for(100ms);
  EXPECT_EQ(discarded(Discard::kClosed), 2U);
  EXPECT_EQ(cells().pool_idle.value(), 4);
  EXPECT_EQ(served(), 6U);
}

TEST_F(PoolsTest, ADeadOneFoundAtCheckOutIsStaleAndTheNextIsTaken) {
  serve();
  apply();
  run_for(1s);
  peer(0).reset();
  network_.run_until(network_.now() + 50ms);  // Nobody has polled yet.
  const ReadyConnection taken = take();
  EXPECT_TRUE(taken);
  EXPECT_EQ(checkouts(Checkout::kStale), 1U);
  EXPECT_EQ(checkouts(Checkout::kHit), 1U);
  EXPECT_EQ(discarded(Discard::kClosed), 1U);
  run_for(100ms);
  EXPECT_EQ(cells().pool_idle.value(), 4);
  EXPECT_EQ(discarded(Discard::kClosed), 1U);  // The late event finds nobody.
}

TEST_F(PoolsTest, AGreetingIsNoReasonToCloseAndStaysForTheSession) {
  serve([](SimPeer& greeting) { greeting.send(bytes_of("hello")); });
  apply();
  run_for(5s);
  EXPECT_EQ(cells().pool_idle.value(), 4);
  EXPECT_EQ(served(), 4U);
  EXPECT_TRUE(take());
}

TEST_F(PoolsTest, ARefusingEndpointIsAskedLessAndLessOften) {
  apply();  // Nobody listens.
  run_for(10min);
  const auto refused = static_cast<std::size_t>(Cause::kConnectRefused);
  const std::uint64_t failures = endpoint_cells().connect_failures[refused].value();
  EXPECT_GE(failures, 10min / Backoff::kLongest);
  EXPECT_LE(failures, 4U + 9U + 2U * (10min / Backoff::kLongest));
  serve();
  run_for(Backoff::kLongest + 2s);
  EXPECT_EQ(cells().pool_idle.value(), 4);
  expect_gauges_are_right();
}

TEST_F(PoolsTest, AnEndpointThatAcceptsAndClosesAtOnceIsTreatedAsOneThatRefuses) {
  serve([](SimPeer& rude) { rude.close(); });
  apply();
  run_for(5min);
  EXPECT_LE(served(), 4U + 9U + 2U * 10U);
}

TEST_F(PoolsTest, ABlackHoleCostsAConnectTimeoutAndBackoff) {
  network_.set_path(address(kApp), {.reach = SimReach::kBlackHole});
  upstream().connect.timeout = 1s;
  apply();
  run_for(1s + 10ms);
  const auto timeout = static_cast<std::size_t>(Cause::kConnectTimeout);
  EXPECT_EQ(endpoint_cells().connect_failures[timeout].value(), 4U);
  run_for(2min);
  EXPECT_LE(endpoint_cells().connect_failures[timeout].value(), 4U + 9U + 2U * 4U);
  expect_gauges_are_right();
}

TEST_F(PoolsTest, GrowsWithTheDemandUpToItsMaximumAndShrinksAgain) {
  serve();
  pool() = {.idle = 2, .idle_max = 10, .max_age = 10min};
  apply();
  run_for(100ms);
  for (int i = 0; i < 1000; ++i) {  // 500 sessions a second, 10 ms away.
    take();
    run_for(2ms);
    EXPECT_LE(pools().size(), 10U);
  }
  EXPECT_EQ(pools().size(), 10U);
  EXPECT_GE(checkouts(Checkout::kHit), 980U);
  run_for(10s);
  EXPECT_EQ(pools().size(), 2U);
  const std::uint64_t then = served();
  run_for(1min);
  EXPECT_EQ(served(), then);  // And stays.
}

TEST_F(PoolsTest, ASteadyLoadClosesNothingThatItMakes) {
  serve();
  pool() = {.idle = 2, .idle_max = 64, .max_age = 10min};
  apply();
  run_for(100ms);
  base::Prng prng(5);
  for (int i = 0; i < 5000; ++i) {
    take();
    run_for(Nanos(prng.below(4'000'000)));
  }
  EXPECT_LE(discarded(Discard::kExcess), 50U);
  EXPECT_GE(checkouts(Checkout::kHit), 4950U);
}

TEST_F(PoolsTest, AConnectUnderWayChangesItsOwnerWithTheEventsOfTheSameTurn) {
  serve();
  apply();
  worker().turn();  // Four connects begin.
  const backends::Tag session = make_tag(TagKind::kSession, {7, 1});
  DialUnderWay dial = pools().join(endpoint(), tcp(), session);
  ASSERT_TRUE(dial);
  EXPECT_EQ(cells().pool_connecting.value(), 3);
  run_for(100ms);
  ASSERT_EQ(worker().others().size(), 1U);
  EXPECT_EQ(worker().others()[0].tag, session);
  EXPECT_EQ(worker().others()[0].kind, backends::EventKind::kConnected);
  EXPECT_EQ(cells().pool_idle.value(), 4);
}

TEST_F(PoolsTest, AnEventThatWasUnderWayStillFindsTheNewOwner) {
  serve();
  apply();
  worker().turn();
  network_.run_until(network_.now() + 50ms);  // They stand, and nobody knows.
  const auto events = worker().transport().poll(Nanos{0});
  const std::vector<backends::Event> batch(events.begin(), events.end());
  ASSERT_EQ(batch.size(), 4U);
  const backends::Tag session = make_tag(TagKind::kSession, {7, 1});
  const DialUnderWay dial = pools().join(endpoint(), tcp(), session);
  ASSERT_TRUE(dial);
  int told = 0;
  for (const backends::Event& event : batch) {
    if (pools().owner_now(event.tag) == session) ++told;
  }
  EXPECT_EQ(told, 1);
  pools().expire();
  EXPECT_EQ(pools().owner_now(batch[0].tag), batch[0].tag);
}

TEST_F(PoolsTest, AnOldConnectIsNotJoined) {
  network_.set_path(address(kApp), {.reach = SimReach::kBlackHole});
  apply();
  worker().turn();
  run_for(600ms);
  EXPECT_EQ(cells().pool_connecting.value(), 4);
  EXPECT_FALSE(pools().join(endpoint(), tcp(), make_tag(TagKind::kSession, {7, 1})));
}

TEST_F(PoolsTest, AConnectWhoseClientHasGoneIsAdoptedWhereItIsWanted) {
  serve();
  apply();
  run_for(100ms);
  for (int i = 0; i < 4; ++i) take();
  const backends::Tag session = make_tag(TagKind::kSession, {7, 1});
  DialUnderWay dial{
      .connection = worker().transport().connect({.remote = address(kApp), .tcp = {}}, session),
      .started = network_.now()};
  EXPECT_TRUE(pools().adopt(endpoint(), dial, session));
  EXPECT_FALSE(dial);
  EXPECT_EQ(cells().pool_connecting.value(), 1);
  run_for(100ms);
  expect_gauges_are_right();
  const std::int64_t full = cells().pool_idle.value();
  DialUnderWay another{
      .connection = worker().transport().connect({.remote = address(kApp), .tcp = {}}, session),
      .started = network_.now()};
  run_for(20s);  // The demand is over: nobody wants it.
  EXPECT_FALSE(pools().adopt(endpoint(), another, session));
  EXPECT_TRUE(another);
  EXPECT_LE(cells().pool_idle.value(), full);
}

TEST_F(PoolsTest, AnUnusedConnectionComesBackAndKeepsItsAge) {
  serve();
  pool() = {.idle = 1, .idle_max = 1, .max_age = 30s};
  apply();
  run_for(10s);
  ReadyConnection taken = take();
  const Nanos since = taken.connected_at;
  pools().give_back(endpoint(), std::move(taken));
  EXPECT_EQ(cells().pool_idle.value(), 1);
  run_for(1s);
  EXPECT_EQ(served(), 1U);
  EXPECT_EQ(take().connected_at, since);
}

TEST_F(PoolsTest, AnUnusedConnectionThatIsNotWantedIsClosed) {
  serve();
  pool() = {.idle = 1, .idle_max = 1, .max_age = 30s};
  apply();
  run_for(1s);
  ReadyConnection taken = take();
  run_for(1s);  // Another one has its place.
  pools().give_back(endpoint(), std::move(taken));
  EXPECT_EQ(cells().pool_idle.value(), 1);
  run_for(100ms);
  EXPECT_TRUE(peer(0).eof());
}

TEST_F(PoolsTest, PoolsOfEndpointsThatMayNotBeUsedAreEmptied) {
  serve();
  apply();
  run_for(1s);
  verdict().healthy = false;
  pools().verdicts_changed();
  run_for(1s);
  EXPECT_EQ(pools().size(), 0U);
  EXPECT_EQ(discarded(Discard::kExcess), 4U);
  verdict().healthy = true;
  pools().verdicts_changed();
  run_for(1s);
  EXPECT_EQ(pools().size(), 4U);
  verdict().ejected = true;
  pools().verdicts_changed();
  run_for(1s);
  EXPECT_EQ(pools().size(), 0U);
  verdict().ejected = false;
  upstream().endpoints[0].weight = 0;
  apply();
  run_for(1s);
  EXPECT_EQ(pools().size(), 0U);
}

TEST_F(PoolsTest, AReloadChangesThePoolAndKeepsWhatItCan) {
  serve();
  apply();
  run_for(1s);
  pool().idle = 6;
  apply();
  run_for(1s);
  EXPECT_EQ(served(), 6U);
  pool().idle = 2;
  apply();
  run_for(1s);
  EXPECT_EQ(pools().size(), 2U);
  EXPECT_EQ(served(), 6U);
  config_.listeners[0].tcp.nodelay = !config_.listeners[0].tcp.nodelay;
  apply();  // Other socket options: other connections.
  run_for(1s);
  EXPECT_EQ(pools().size(), 2U);
  EXPECT_EQ(served(), 8U);
  pool().idle = 0;
  apply();
  EXPECT_EQ(pools().size(), 0U);
  EXPECT_FALSE(take());
}

TEST_F(PoolsTest, AShorterMaximalAgeHoldsForWhatStandsAlready) {
  serve();
  pool().max_age = 10min;
  apply();
  run_for(10s);
  pool().max_age = 20s;
  apply();
  run_for(10s);
  EXPECT_EQ(discarded(Discard::kAged), 4U);
}

TEST_F(PoolsTest, PoolsOfRemovedEndpointsAndUpstreamsAreClosed) {
  serve();
  serve([](SimPeer&) {}, "10.0.0.3:80");
  upstream().endpoints.push_back({.address = address("10.0.0.3:80"), .mark = {}});
  apply();
  run_for(1s);
  EXPECT_EQ(pools().size(), 8U);
  upstream().endpoints.erase(upstream().endpoints.begin());
  apply();
  EXPECT_EQ(pools().size(), 4U);
  run_for(1s);
  EXPECT_EQ(served(0), 4U);
  EXPECT_EQ(served(1), 4U);
  upstream().name = "other";
  config_.listeners[0].upstream.name = "other";
  apply();
  EXPECT_EQ(cells().pool_idle.value(), 0);
  run_for(1s);
  EXPECT_EQ(served(1), 8U);
}

TEST_F(PoolsTest, AListenerWithOtherSocketOptionsTakesNoPart) {
  serve();
  apply();
  run_for(1s);
  backends::TcpOptions other = tcp();
  other.nodelay = !other.nodelay;
  EXPECT_FALSE(pools().take(endpoint(), other));
  EXPECT_FALSE(pools().join(endpoint(), other, make_tag(TagKind::kSession, {7, 1})));
  EXPECT_FALSE(pools().serves(endpoint(), other));
  EXPECT_EQ(checkouts(Checkout::kMiss), 1U);
  EXPECT_TRUE(take());
}

TEST_F(PoolsTest, FailuresAreEvidenceAndSuccessesWhileItIsSuspected) {
  upstream().outlier.emplace();
  apply();
  run_for(50ms);
  EvidenceRecord record;
  ASSERT_TRUE(worker().evidence().try_pop(record));
  EXPECT_EQ(record.outcome, Outcome::kConnectFailed);
  EXPECT_EQ(record.endpoint, &catalog_.endpoint("app", kApp));
  serve();
  verdict().suspected = true;
  run_for(1s);
  Outcome last = Outcome::kConnectFailed;
  while (worker().evidence().try_pop(record)) last = record.outcome;
  EXPECT_EQ(last, Outcome::kConnected);
}

TEST_F(PoolsTest, ADrainBeginsNothingAndTheEndClosesEverything) {
  serve();
  apply();
  run_for(1s);
  pools().drain();
  EXPECT_TRUE(take());
  run_for(1s);
  EXPECT_EQ(pools().size(), 3U);
  pools().close_all();
  EXPECT_EQ(pools().size(), 0U);
  EXPECT_EQ(worker().transport().stats().connections, 0U);
}

TEST_F(PoolsTest, WithoutDescriptorsItWaitsAndGoesOn) {
  serve();
  network_.set_exhausted(base::to_errno(EMFILE));
  apply();
  run_for(10s);
  EXPECT_EQ(cells().pool_idle.value(), 0);
  network_.set_exhausted(base::Errno::kNone);
  run_for(Backoff::kLongest + 2s);
  EXPECT_EQ(cells().pool_idle.value(), 4);
}

}  // namespace
}  // namespace proxy
