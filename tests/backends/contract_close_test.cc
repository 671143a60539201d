// Contract lines 2 and 12: FIN passes after every byte before it, the other direction goes on, and
// a transport that goes away closes everything.
#include <utility>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::CloseMode;
using backends::Direction;
using backends::EventKind;
using backends::RelayEnd;

constexpr Direction opposite(Direction direction) {
  return direction == Direction::kToUpstream ? Direction::kToClient : Direction::kToUpstream;
}

class ContractClose : public Contract {};

TEST_P(ContractClose, AHalfCloseLeavesTheOtherDirectionOpen) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    const Bytes last_words = random_bytes(1000, 1);
    joined.source(direction).send(last_words);
    joined.source(direction).shutdown_write();
    ASSERT_TRUE(pump([&] { return joined.receiver(direction).eof(); }));
    EXPECT_TRUE(joined.receiver(direction).received() == last_words);
    settle();
    EXPECT_FALSE(done(joined));
    EXPECT_FALSE(joined.source(direction).eof());
    EXPECT_GT(joined.progress->half_closed, base::Nanos{0});
    EXPECT_EQ(joined.progress->first_closed, direction);

    // The long reply that nginx cuts off by default.
    const Bytes reply = random_bytes(2'000'000, 2);
    joined.receiver(direction).send(reply);
    joined.receiver(direction).shutdown_write();
    EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kBothClosed);
    EXPECT_EQ(joined.progress->first_closed, direction);
    ASSERT_TRUE(pump([&] { return joined.source(direction).eof(); }));
    EXPECT_TRUE(joined.source(direction).received() == reply);
    EXPECT_EQ(joined.moved(opposite(direction)), reply.size());
  }
}

TEST_P(ContractClose, BothMayCloseAtTheSameMoment) {
  Joined joined = join();
  joined.client->shutdown_write();
  joined.upstream->shutdown_write();
  EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kBothClosed);
  ASSERT_TRUE(pump([&] { return joined.client->eof() && joined.upstream->eof(); }));
  EXPECT_FALSE(joined.client->was_reset());
  EXPECT_FALSE(joined.upstream->was_reset());
  settle();
  EXPECT_EQ(count(EventKind::kRelayDone), 1U);
  EXPECT_EQ(transport().stats().relays, 0U);
  EXPECT_EQ(transport().stats().connections, 0U);
}

TEST_P(ContractClose, ProgressIsUntouchedByFinWhileBothAreOpen) {
  Joined joined = join();
  settle();
  EXPECT_EQ(joined.progress->half_closed, base::Nanos{0});
}

TEST_P(ContractClose, FinTogetherWithTheLastDataComesAfterIt) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    const Bytes data = random_bytes(65'536, 3);  // One read exactly: the FIN hides behind it.
    joined.source(direction).send(data);
    joined.source(direction).shutdown_write();
    // All of it arrives before the transport looks.
    for (int round = 0; round < 1000; ++round) harness().step();
    ASSERT_TRUE(pump([&] { return joined.receiver(direction).eof(); }));
    EXPECT_TRUE(joined.receiver(direction).received() == data);
  }
}

TEST_P(ContractClose, FinWaitsWhileTheOtherSideIsFull) {
  use_service_buffers(128UL * 1024);
  for (const Direction direction : kBothDirections) {
    Joined joined = join({.buffer_bytes = 128UL * 1024});
    joined.receiver(direction).read(false);
    const Bytes data = random_bytes(6'000'000, 4);
    joined.source(direction).send(data);
    joined.source(direction).shutdown_write();
    settle();
    EXPECT_FALSE(joined.receiver(direction).eof());
    EXPECT_EQ(joined.progress->half_closed, base::Nanos{0});
    joined.receiver(direction).read(true);
    ASSERT_TRUE(pump([&] { return joined.receiver(direction).eof(); }));
    EXPECT_TRUE(joined.receiver(direction).received() == data);
    EXPECT_FALSE(done(joined));
    joined.receiver(direction).shutdown_write();
    EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kBothClosed);
  }
}

TEST_P(ContractClose, AClientThatSpokeAndClosedBeforeTheRelayIsStillServed) {
  Apart apart = make_apart();
  const Bytes request = random_bytes(5000, 5);
  apart.client->send(request);
  apart.client->shutdown_write();
  settle();
  Joined joined = join_apart(std::move(apart));
  ASSERT_TRUE(pump([&] { return joined.upstream->eof(); }));
  EXPECT_TRUE(joined.upstream->received() == request);
  const Bytes reply = random_bytes(300'000, 6);
  joined.upstream->send(reply);
  joined.upstream->shutdown_write();
  EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kBothClosed);
  ASSERT_TRUE(pump([&] { return joined.client->eof(); }));
  EXPECT_TRUE(joined.client->received() == reply);
}

TEST_P(ContractClose, AGracefulCloseOfAConnectionIsAFin) {
  Apart apart = make_apart();
  apart.client_connection.close(CloseMode::kGraceful);
  apart.upstream_connection.close(CloseMode::kGraceful);
  ASSERT_TRUE(pump([&] { return apart.client->eof() && apart.upstream->eof(); }));
  EXPECT_FALSE(apart.client->was_reset());
}

TEST_P(ContractClose, AResetCloseOfAConnectionIsAnRst) {
  Apart apart = make_apart();
  apart.client_connection.close(CloseMode::kReset);
  { const backends::Connection dropped = std::move(apart.upstream_connection); }
  const auto ended = [](const Peer& peer) { return peer.eof() || peer.was_reset(); };
  ASSERT_TRUE(pump([&] { return ended(*apart.client) && ended(*apart.upstream); }));
  EXPECT_EQ(apart.client->was_reset(), harness().has_reset());
  EXPECT_EQ(apart.upstream->was_reset(), harness().has_reset());
}

TEST_P(ContractClose, DestroyingTheTransportClosesEverything) {
  Joined joined = join();
  Apart apart = make_apart();
  const Bytes data = random_bytes(2'000'000, 7);
  joined.upstream->read(false);
  joined.client->send(data);  // Bytes are held when the end comes.
  settle();
  std::unique_ptr<Peer> waiting = make_client();
  // The worker's own handles go first, as they do when it stops.
  static_cast<void>(apart.client_connection.release());
  static_cast<void>(apart.upstream_connection.release());
  destroy_transport();
  for (int round = 0; round < 1000; ++round) harness().step();
  joined.upstream->read(true);
  const auto ended = [](const Peer& peer) { return peer.eof() || peer.was_reset(); };
  for (int round = 0; round < 100'000 && !ended(*joined.upstream); ++round) harness().step();
  EXPECT_TRUE(ended(*joined.client));
  EXPECT_TRUE(ended(*joined.upstream));
  EXPECT_TRUE(ended(*apart.client));
  EXPECT_TRUE(ended(*apart.upstream));
  // An unfinished stream must not look finished.
  if (harness().has_reset()) {
    EXPECT_TRUE(joined.upstream->was_reset());
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractClose, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
