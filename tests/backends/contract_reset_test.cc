// Contract line 3: RST from one side becomes RST to the other, after the bytes that came before it.
// HAProxy and nginx turn an upstream's RST into a FIN, so that a cut transfer looks complete.
#include <utility>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::Direction;
using backends::EventKind;
using backends::RelayEnd;

constexpr RelayEnd reset_by_source(Direction direction) {
  return direction == Direction::kToUpstream ? RelayEnd::kClientReset : RelayEnd::kUpstreamReset;
}

bool ended(const Peer& peer) { return peer.eof() || peer.was_reset(); }

class ContractReset : public Contract {
 protected:
  // UNIX sockets have no RST: a far end that vanishes looks like a FIN there.
  void SetUp() override {
    if (!harness().has_reset()) GTEST_SKIP() << "this network knows no RST";
  }

  // Bytes and a reset behind them: both are waiting in the transport's socket when it looks.
  void send_and_reset(Peer& source, const Bytes& data) {
    source.send(data);
    for (int round = 0; round < 1000 && source.in_flight() != 0; ++round) harness().step();
    ASSERT_EQ(source.in_flight(), 0U);
    source.reset();
  }
};

TEST_P(ContractReset, AResetIsPassedOn) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    joined.source(direction).reset();
    EXPECT_EQ(wait_done(joined).relay_end, reset_by_source(direction));
    ASSERT_TRUE(pump([&] { return ended(joined.receiver(direction)); }));
    EXPECT_TRUE(joined.receiver(direction).was_reset());
  }
}

TEST_P(ContractReset, BytesBeforeAResetAreDeliveredFirst) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    const Bytes data = random_bytes(1000, 1);
    ASSERT_NO_FATAL_FAILURE(send_and_reset(joined.source(direction), data));
    EXPECT_EQ(wait_done(joined).relay_end, reset_by_source(direction));
    ASSERT_TRUE(pump([&] { return ended(joined.receiver(direction)); }));
    EXPECT_TRUE(joined.receiver(direction).received() == data);
    EXPECT_TRUE(joined.receiver(direction).was_reset());
  }
}

// The transport already waits for more when they arrive: one wake for two pieces of news. (That
// io_uring's receive may miss one of them is a race; uring_relay_test.cc has it.)
TEST_P(ContractReset, AResetThatComesTogetherWithTheNextBytesIsHeard) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    const Bytes first = random_bytes(1, 1);
    joined.source(direction).send(first);
    ASSERT_TRUE(pump([&] { return joined.receiver(direction).received() == first; }));
    settle();
    const Bytes next = random_bytes(1000, 2);
    ASSERT_NO_FATAL_FAILURE(send_and_reset(joined.source(direction), next));
    EXPECT_EQ(wait_done(joined).relay_end, reset_by_source(direction));
    ASSERT_TRUE(pump([&] { return ended(joined.receiver(direction)); }));
    EXPECT_EQ(joined.receiver(direction).received().size(), first.size() + next.size());
    EXPECT_TRUE(joined.receiver(direction).was_reset());
  }
}

TEST_P(ContractReset, AResetWaitsForASlowReader) {
  const auto why = harness().cannot(Feature::kHoldBytes);
  if (!why.empty()) GTEST_SKIP() << why;
  use_service_buffers(16UL * 1024);
  for (const Direction direction : kBothDirections) {
    Joined joined = join({.buffer_bytes = 16UL * 1024});
    Peer& source = joined.source(direction);
    Peer& receiver = joined.receiver(direction);
    receiver.read(false);
    const Bytes data = random_bytes(60'000, 2);
    source.send(data);
    ASSERT_TRUE(pump([&] { return source.in_flight() == 0; }));
    source.reset();
    settle();
    EXPECT_FALSE(done(joined)) << "its bytes are not delivered yet";
    EXPECT_FALSE(receiver.was_reset());
    const std::uint64_t pending = transport().stats().resets_pending;
    const base::Nanos active = joined.progress->last_active;
    receiver.read(true, 4096);
    EXPECT_EQ(wait_done(joined).relay_end, reset_by_source(direction));
    ASSERT_TRUE(pump([&] { return ended(receiver); }));
    EXPECT_TRUE(receiver.received() == data);
    EXPECT_TRUE(receiver.was_reset());
    EXPECT_EQ(joined.moved(direction), data.size());
    EXPECT_LE(pending, 1U);
    EXPECT_GE(joined.progress->last_active, active);
    settle();
    EXPECT_EQ(transport().stats().resets_pending, 0U);
  }
}

TEST_P(ContractReset, AnAbortEndsAResetThatWaits) {
  const auto why = harness().cannot(Feature::kHoldBytes);
  if (!why.empty()) GTEST_SKIP() << why;
  use_service_buffers(16UL * 1024);
  Joined joined = join({.buffer_bytes = 16UL * 1024});
  joined.client->read(false);
  joined.upstream->send(random_bytes(60'000, 3));
  ASSERT_TRUE(pump([&] { return joined.upstream->in_flight() == 0; }));
  joined.upstream->reset();
  settle();
  ASSERT_FALSE(done(joined));
  transport().abort(joined.relay);
  EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kAborted);
  joined.client->read(true);
  ASSERT_TRUE(pump([&] { return ended(*joined.client); }));
  EXPECT_TRUE(joined.client->was_reset());
}

TEST_P(ContractReset, WhatTheResetSideSentIsNotLostWhenASendFindsTheReset) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    Peer& dying = joined.source(direction);
    Peer& other = joined.receiver(direction);
    const Bytes last_words = random_bytes(1000, 4);
    dying.send(last_words);
    other.send(random_bytes(1000, 5));
    for (int round = 0; round < 1000 && dying.in_flight() + other.in_flight() != 0; ++round) {
      harness().step();
    }
    dying.reset();
    EXPECT_EQ(wait_done(joined).relay_end, reset_by_source(direction));
    ASSERT_TRUE(pump([&] { return ended(other); }));
    EXPECT_TRUE(other.received() == last_words);
    EXPECT_TRUE(other.was_reset());
  }
}

TEST_P(ContractReset, AnUpstreamThatClosesWithUnreadDataResets) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    Peer& dying = joined.source(direction);
    dying.read(false);
    joined.receiver(direction).send(random_bytes(1000, 6));
    const Direction back =
        direction == Direction::kToUpstream ? Direction::kToClient : Direction::kToUpstream;
    ASSERT_TRUE(pump([&] { return joined.moved(back) == 1000; }));
    const Bytes reply = random_bytes(500, 7);
    dying.send(reply);
    ASSERT_TRUE(pump([&] { return dying.in_flight() == 0; }));
    dying.close();  // RFC 1122: unread data makes it an RST.
    EXPECT_EQ(wait_done(joined).relay_end, reset_by_source(direction));
    ASSERT_TRUE(pump([&] { return ended(joined.receiver(direction)); }));
    EXPECT_TRUE(joined.receiver(direction).received() == reply);
    EXPECT_TRUE(joined.receiver(direction).was_reset());
  }
}

TEST_P(ContractReset, AResetAfterAHalfCloseIsStillAReset) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    joined.source(direction).shutdown_write();
    ASSERT_TRUE(pump([&] { return joined.receiver(direction).eof(); }));
    joined.source(direction).reset();
    EXPECT_EQ(wait_done(joined).relay_end, reset_by_source(direction));
    // The receiver has read its FIN; it learns of the reset when it sends. The first bytes may
    // still be taken: the reset is on its way.
    EXPECT_TRUE(pump([&] {
      joined.receiver(direction).send(random_bytes(10, 8));
      return joined.receiver(direction).was_reset();
    }));
  }
}

TEST_P(ContractReset, BothSidesMayReset) {
  Joined joined = join();
  joined.client->reset();
  joined.upstream->reset();
  const RelayEnd end = wait_done(joined).relay_end;
  EXPECT_TRUE(end == RelayEnd::kClientReset || end == RelayEnd::kUpstreamReset);
  settle();
  EXPECT_EQ(count(EventKind::kRelayDone), 1U);
  EXPECT_EQ(transport().stats().connections, 0U);
}

TEST_P(ContractReset, AClientResetBeforeTheRelayEndsTheRelay) {
  Apart apart = make_apart();
  const Bytes request = random_bytes(100, 9);
  apart.client->send(request);
  ASSERT_TRUE(pump([&] { return apart.client->in_flight() == 0; }));
  apart.client->reset();
  settle();
  EXPECT_EQ(count(EventKind::kPeerClosed), 1U);
  Joined joined = join_apart(std::move(apart));
  EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kClientReset);
  ASSERT_TRUE(pump([&] { return ended(*joined.upstream); }));
  EXPECT_TRUE(joined.upstream->was_reset());
  EXPECT_TRUE(joined.upstream->received() == request);
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractReset, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
