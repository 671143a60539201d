// The sweep over all pairs; what is sent again has its tests where it belongs.
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

using SpliceTimers = CoreTest;

TEST_P(SpliceTimers, AnIdlePairIsToldOnceForEachSweepAndDataMakesItBusyAgain) {
  CoreOptions idle = small();
  idle.idle = 30s;
  restart(idle);
  const PairId pair = opened();
  client_says("x");
  pass(29s);
  core->sweep(64);
  EXPECT_TRUE(events().empty());
  now += 2s;
  core->advance(now);
  core->sweep(64);
  const auto all = events();
  ASSERT_FALSE(all.empty());
  for (const CoreEvent& each : all) {
    EXPECT_EQ(each.kind, CoreEventKind::kIdle);
    EXPECT_EQ(each.pair, pair);
  }
  only(from_client(kAck));  // A keepalive is no progress.
  core->sweep(64);
  EXPECT_EQ(event(CoreEventKind::kIdle).pair, pair);
  client_says("x");
  core->sweep(64);
  EXPECT_TRUE(events().empty());
}

TEST_P(SpliceTimers, ALingeringPairIsKeptForItsTimeAndSweptByAdvanceAlone) {
  opened();
  only(from_client(kFin | kAck));
  client.next += 1;
  server.expected += 1;
  only(from_server(kFin | kAck));
  server.next += 1;
  client.expected += 1;
  only(from_client(kAck));
  for (int i = 0; i < 4; ++i) pass(1s);
  EXPECT_EQ(core->stats().lingering, 1U);
  only(from_server(kAck));  // Still passed on.
  for (int i = 0; i < 50; ++i) pass(100ms);
  expect_empty();
}

TEST_P(SpliceTimers, ASweepOfAFewSlotsComesRoundInItsTime) {
  for (std::uint16_t i = 0; i < 10; ++i) {
    client.near.port = static_cast<std::uint16_t>(50000 + i);
    joined();
    server.next = client.next = i;
  }
  EXPECT_FALSE(core->sweep(4));
  EXPECT_FALSE(core->sweep(4));
  EXPECT_TRUE(core->sweep(4));
  EXPECT_FALSE(core->sweep(4));
}

TEST_P(SpliceTimers, TimersOfWhatHasEndedDoNothing) {
  const PairId pair = joined("header");
  start_connect();
  sent();
  core->reset_everything();
  sent();
  EXPECT_EQ(core->stats().openings, 1U);  // Until its timer comes by.
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(pass(1s).empty());
  EXPECT_TRUE(events().empty());
  EXPECT_FALSE(core->facts(pair).has_value());
  expect_empty();
}

TEST_P(SpliceTimers, TimeDoesNotGoBack) {
  start_connect();
  sent();
  core->advance(now - 500s);
  EXPECT_EQ(core->now(), now);
  EXPECT_TRUE(sent().empty());
  EXPECT_EQ(pass(1s).size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Families, SpliceTimers, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
