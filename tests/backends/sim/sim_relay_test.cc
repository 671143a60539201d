// The relay alone, on two pairs of sockets, without a transport around it. What it must do for its
// owner is the contract suite's business; here are its bounds and its bookkeeping.
#include "backends/sim/sim_relay.h"

#include <gtest/gtest.h>

#include "tests/backends/sim/sim_fixture.h"

namespace backends {
namespace {

using std::chrono::milliseconds;

class NoOwner final : public SimOwner {
 public:
  void socket_ready(std::uint64_t) override {}
  void listener_ready(std::uint64_t) override {}
};

class SimRelayTest : public testing::Test {
 protected:
  SimRelayTest() {
    SimListen listen;
    listen.address = address("10.0.0.1:80");
    const SimListenerId front = network_.listen(listen, owner_, 0).value();
    service_ = make_service(network_, "10.0.0.2:80", [](SimPeer&) {});
    client_ = make_client(network_, address("10.0.0.1:80"));
    SimConnect connect;
    connect.remote = service_->address();
    const SimSocketId upstream = network_.connect(connect, owner_, 0).value();
    settle();
    sockets_ = {network_.accept(front, owner_, 0), upstream};
  }

  void settle() { network_.run_until(network_.now() + milliseconds(10)); }
  SimPeer& upstream() { return *service_->peers().at(0); }

  SimRelay relay(const RelaySpec& spec = {}) {
    return {network_, sockets_[0], sockets_[1], spec, progress_};
  }

  // Pumps until the end or until nothing moves any more.
  std::optional<RelayEnd> run(SimRelay& relay) {
    for (int i = 0; i < 1000; ++i) {
      const SimRelay::Outcome outcome = relay.pump({}, stats_);
      if (outcome.end) return outcome.end;
      settle();
    }
    return std::nullopt;
  }

  SimNetwork network_{{}};
  NoOwner owner_;
  std::unique_ptr<SimService> service_;
  std::unique_ptr<SimPeer> client_;
  std::array<SimSocketId, 2> sockets_;
  RelayProgress progress_;
  TransportStats stats_;
};

TEST_F(SimRelayTest, ThePreambleGoesFirstAndIsNoPayload) {
  SimRelay moves = relay({.preamble = stream(9, 28), .skip = 0});
  client_->send(stream(1, 100));
  settle();
  EXPECT_EQ(run(moves), std::nullopt);
  auto expected = stream(9, 28);
  const auto payload = stream(1, 100);
  expected.insert(expected.end(), payload.begin(), payload.end());
  EXPECT_EQ(upstream().received(), expected);
  EXPECT_EQ(progress_.bytes[index_of(Direction::kToUpstream)], 100U);
}

TEST_F(SimRelayTest, SkippedBytesNeverReachTheUpstreamNorTheCount) {
  SimRelay moves = relay({.preamble = {}, .skip = 60});
  client_->send(stream(1, 100));
  settle();
  EXPECT_EQ(run(moves), std::nullopt);
  const auto sent = stream(1, 100);
  EXPECT_EQ(upstream().received(), std::vector(sent.begin() + 60, sent.end()));
  EXPECT_EQ(progress_.bytes[index_of(Direction::kToUpstream)], 40U);
}

TEST_F(SimRelayTest, OnePumpMovesNoMoreThanItsBudgetAndSaysThatThereIsMore) {
  SimRelay moves = relay();
  upstream().send(stream(1, 60'000));
  client_->send(stream(2, 60'000));
  settle();
  const SimRelay::Outcome outcome = moves.pump({}, stats_);
  EXPECT_LE(progress_.bytes[0], SimRelay::kBudget);
  EXPECT_LE(progress_.bytes[1], SimRelay::kBudget);
  EXPECT_FALSE(outcome.end.has_value());
  EXPECT_LE(moves.held_bytes(), 2 * SimRelay::kHeldMax);
}

TEST_F(SimRelayTest, AnIdleRelayHoldsNothing) {
  SimRelay moves = relay();
  client_->send(stream(1, 30'000));
  settle();
  EXPECT_EQ(run(moves), std::nullopt);
  EXPECT_EQ(upstream().received().size(), 30'000U);
  EXPECT_EQ(moves.held_bytes(), 0U);
}

TEST_F(SimRelayTest, TheFirstFinIsNotedWithItsDirectionAndTime) {
  SimRelay moves = relay();
  upstream().shutdown_write();
  settle();
  EXPECT_EQ(run(moves), std::nullopt);
  EXPECT_GT(progress_.half_closed.count(), 0);
  EXPECT_EQ(progress_.first_closed, Direction::kToClient);
  const base::Nanos first = progress_.half_closed;
  client_->shutdown_write();
  settle();
  EXPECT_EQ(run(moves), RelayEnd::kBothClosed);
  EXPECT_EQ(progress_.half_closed, first);
}

TEST_F(SimRelayTest, AResetWaitsForTheBytesBeforeIt) {
  SimRelay moves = relay();
  upstream().stop_reading();
  client_->send(stream(1, 200'000));
  EXPECT_EQ(run(moves), std::nullopt);
  client_->reset();
  EXPECT_EQ(run(moves), std::nullopt);
  EXPECT_TRUE(moves.reset_pending());
  upstream().read();
  EXPECT_EQ(run(moves), RelayEnd::kClientReset);
  settle();
  EXPECT_TRUE(upstream().was_reset());
  const auto& received = upstream().received();
  const auto sent = stream(1, 200'000);
  EXPECT_GT(received.size(), 64'000U);
  EXPECT_TRUE(std::equal(received.begin(), received.end(), sent.begin()));
}

TEST_F(SimRelayTest, ShortReadsAndWritesChangeNothingButTheNumberOfCalls) {
  SimFaults faults;
  faults.short_read = 1000;
  faults.short_write = 1000;
  SimRelay moves = relay();
  client_->send(stream(1, 20'000));
  for (int i = 0; i < 2000 && upstream().received().size() < 20'000; ++i) {
    static_cast<void>(moves.pump(faults, stats_));
    settle();
  }
  EXPECT_EQ(upstream().received(), stream(1, 20'000));
  EXPECT_GT(stats_.short_writes, 0U);
}

}  // namespace
}  // namespace backends
