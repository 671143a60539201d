#include "backends/sim/sim_network.h"

#include <gtest/gtest.h>

#include "tests/backends/sim/sim_fixture.h"

namespace backends {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SimNetworkTest : public testing::Test {
 protected:
  explicit SimNetworkTest(const SimNetworkOptions& options = {}) : network_(options) {}

  void settle() {
    while (network_.step()) {
    }
  }

  // A client of a service at `where`, both connected; the service's end.
  SimPeer& join(std::size_t buffer_bytes = 0) {
    service_ = make_service(
        network_, "10.0.0.1:80", [](SimPeer&) {}, buffer_bytes);
    client_ = make_client(network_, service_->address(), buffer_bytes);
    settle();
    EXPECT_EQ(client_->state(), SimPeer::State::kOpen);
    return *service_->peers().at(0);
  }

  SimNetwork network_;
  std::unique_ptr<SimService> service_;
  std::unique_ptr<SimPeer> client_;
};

TEST_F(SimNetworkTest, DeliversAStreamInOrderThoughItsSegmentsAreCutAtRandom) {
  SimPeer& upstream = join();
  const auto sent = stream(1, 300'000);
  client_->send(sent);
  client_->shutdown_write();
  settle();
  EXPECT_EQ(upstream.received(), sent);
  EXPECT_TRUE(upstream.eof());
  EXPECT_FALSE(upstream.was_reset());
}

TEST_F(SimNetworkTest, AReaderThatStopsStopsTheWriterAtBothBuffers) {
  SimPeer& upstream = join(4096);
  upstream.stop_reading();
  client_->send(stream(1, 100'000));
  settle();
  EXPECT_EQ(client_->sent(), 2 * 4096U);  // The receive buffer and then the send buffer.
  upstream.read();
  settle();
  EXPECT_EQ(upstream.received(), stream(1, 100'000));
}

TEST_F(SimNetworkTest, AResetKeepsWhatTheReceiverHasAndDropsWhatHasNotLeft) {
  SimPeer& upstream = join(4096);
  upstream.stop_reading();
  client_->send(stream(1, 100'000));
  settle();
  client_->reset();
  settle();
  upstream.read();
  EXPECT_EQ(upstream.received().size(), 4096U);
  EXPECT_TRUE(upstream.was_reset());
  EXPECT_FALSE(upstream.eof());
}

TEST_F(SimNetworkTest, ClosingWithUnreadBytesIsAReset) {
  SimPeer& upstream = join();
  upstream.stop_reading();
  client_->send(stream(1, 10));
  settle();
  upstream.close();
  settle();
  EXPECT_TRUE(client_->was_reset());
  EXPECT_FALSE(client_->eof());
}

TEST_F(SimNetworkTest, ClosingWithoutUnreadBytesIsAFinAndDeliversWhatWasWritten) {
  SimPeer& upstream = join();
  upstream.send(stream(2, 50'000));
  upstream.close();
  settle();
  EXPECT_EQ(client_->received(), stream(2, 50'000));
  EXPECT_TRUE(client_->eof());
  EXPECT_FALSE(client_->was_reset());
}

TEST_F(SimNetworkTest, BytesForAClosedEndAreAnsweredWithAReset) {
  SimPeer& upstream = join();
  upstream.close();
  settle();
  client_->send(stream(1, 10));
  settle();
  EXPECT_TRUE(client_->eof());
  EXPECT_TRUE(client_->was_reset());
}

TEST_F(SimNetworkTest, ConnectsAreAnsweredAsTheAddressIsToldTo) {
  struct Case {
    SimReach reach;
    int error;
    base::Nanos at_least;
  };
  const Case cases[] = {{SimReach::kRefused, ECONNREFUSED, base::Nanos(0)},
                        {SimReach::kUnreachable, EHOSTUNREACH, base::Nanos(0)},
                        {SimReach::kBlackHole, ETIMEDOUT, SimNetwork::kHandshakeTimeout}};
  for (const Case& wanted : cases) {
    SimPath path;
    path.reach = wanted.reach;
    network_.set_path(address("10.0.0.9:80"), path);
    const base::Nanos began = network_.now();
    const auto client = make_client(network_, address("10.0.0.9:80"));
    settle();
    EXPECT_EQ(client->state(), SimPeer::State::kRefused);
    EXPECT_EQ(client->error(), base::to_errno(wanted.error));
    EXPECT_GE(network_.now() - began, wanted.at_least);
  }
}

TEST_F(SimNetworkTest, AnAddressWithoutAListenerRefuses) {
  const auto client = make_client(network_, address("[::1]:80"));
  settle();
  EXPECT_EQ(client->error(), base::to_errno(ECONNREFUSED));
}

TEST_F(SimNetworkTest, AnAddressToldToResetConnectsFirst) {
  SimPath path;
  path.reach = SimReach::kResets;
  network_.set_path(address("10.0.0.9:80"), path);
  const auto client = make_client(network_, address("10.0.0.9:80"));
  bool was_open = false;
  client->on_event([&](SimPeer& peer) { was_open |= !peer.was_reset(); });
  settle();
  EXPECT_TRUE(was_open);
  EXPECT_TRUE(client->was_reset());
}

TEST_F(SimNetworkTest, AFullQueueDropsSynsAndTheClientComesAgain) {
  SimListen listen;
  listen.address = address("10.0.0.1:80");
  listen.backlog = 1;
  const auto service = SimService::make(network_, listen, nullptr).value();
  const auto first = make_client(network_, service->address());
  network_.run_until(network_.now() + milliseconds(10));
  const auto second = make_client(network_, service->address());
  network_.run_until(network_.now() + milliseconds(10));
  EXPECT_EQ(second->state(), SimPeer::State::kConnecting);
  const auto accepted = service->accept();
  network_.run_until(network_.now() + seconds(2));
  EXPECT_EQ(second->state(), SimPeer::State::kOpen);
}

TEST_F(SimNetworkTest, WildcardsTakeWhatNoExactListenerDoesAndDualStackMapsV4) {
  std::vector<std::string> seen;
  const auto note = [&](SimPeer& peer) { seen.push_back(base::to_string(peer.local())); };
  const auto exact = make_service(network_, "10.0.0.1:80", note);
  const auto dual = make_service(network_, "[::]:81", note);
  const auto any = make_service(network_, "0.0.0.0:82", note);
  std::vector<std::unique_ptr<SimPeer>> clients;
  for (const char* where : {"10.0.0.1:80", "10.0.0.7:81", "[::1]:81", "10.0.0.8:82"}) {
    clients.push_back(make_client(network_, address(where)));
    settle();
    EXPECT_EQ(clients.back()->state(), SimPeer::State::kOpen) << where;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"10.0.0.1:80", "[::ffff:10.0.0.7]:81", "[::1]:81",
                                            "10.0.0.8:82"}));
}

TEST_F(SimNetworkTest, TwoListenersOnOneAddressMustBothWantToShare) {
  SimListen listen;
  listen.address = address("10.0.0.1:80");
  const auto first = SimService::make(network_, listen, nullptr);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(SimService::make(network_, listen, nullptr).error(), base::to_errno(EADDRINUSE));
  listen.address = address("10.0.0.2:80");
  listen.shared = true;
  const auto second = SimService::make(network_, listen, nullptr);
  EXPECT_TRUE(SimService::make(network_, listen, nullptr).has_value());
}

TEST_F(SimNetworkTest, ClosingAListenerResetsItsQueue) {
  auto service = make_service(network_, "10.0.0.1:80", nullptr);
  const auto client = make_client(network_, service->address());
  settle();
  EXPECT_EQ(client->state(), SimPeer::State::kOpen);
  service.reset();
  settle();
  EXPECT_TRUE(client->was_reset());
}

TEST_F(SimNetworkTest, ACutLinkIsSilentUntilKeepaliveNotices) {
  SimListen listen;
  listen.address = address("10.0.0.1:80");
  listen.tcp.keepalive_idle = seconds(60);
  listen.tcp.keepalive_interval = seconds(10);
  listen.tcp.keepalive_probes = 3;
  service_ = SimService::make(network_, listen, [](SimPeer&) {}).value();
  client_ = make_client(network_, service_->address());
  settle();
  network_.cut(client_->socket());
  const base::Nanos began = network_.now();
  client_->send(stream(1, 100));
  settle();
  const SimPeer& upstream = *service_->peers().at(0);
  EXPECT_TRUE(upstream.received().empty());
  EXPECT_TRUE(upstream.was_reset());
  EXPECT_EQ(upstream.error(), base::to_errno(ETIMEDOUT));
  EXPECT_EQ(network_.now() - began, seconds(90));
  EXPECT_FALSE(client_->was_reset());  // It has no keepalive.
}

TEST_F(SimNetworkTest, UnixSocketsHaveNoReset) {
  const auto service = make_service(network_, "unix:/run/x.sock", [](SimPeer&) {});
  const auto client = make_client(network_, service->address());
  settle();
  client->send(stream(1, 100));
  client->reset();
  settle();
  const SimPeer& upstream = *service->peers().at(0);
  EXPECT_EQ(upstream.received(), stream(1, 100));
  EXPECT_TRUE(upstream.eof());
  EXPECT_FALSE(upstream.was_reset());
}

TEST_F(SimNetworkTest, NothingIsHeldWhenBothEndsHaveGone) {
  for (const bool reset : {false, true}) {
    SimPeer& upstream = join();
    client_->send(stream(1, 1000));
    settle();
    EXPECT_EQ(network_.held_sockets(), 2U);
    reset ? client_->reset() : client_->close();
    settle();
    upstream.close();
    settle();
    EXPECT_EQ(network_.held_sockets(), 0U);
    client_.reset();
    service_.reset();
  }
}

TEST_F(SimNetworkTest, EventsNeverComeBeforeTheirTimeAndActionsComeAtTheirs) {
  std::vector<int> order;
  network_.at(network_.now() + milliseconds(2), [&] { order.push_back(2); });
  network_.at(network_.now() + milliseconds(1), [&] { order.push_back(1); });
  network_.run_until(network_.now() + milliseconds(1));
  EXPECT_EQ(order, std::vector<int>{1});
  settle();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

std::uint64_t hash_of_seed(std::uint64_t seed) {
  SimNetworkOptions options;
  options.seed = seed;
  SimNetwork network(options);
  const auto service = make_service(network, "10.0.0.1:80", [](SimPeer& peer) { peer.echo(); });
  const auto client = make_client(network, service->address());
  client->send(stream(3, 20'000));
  client->shutdown_write();
  while (network.step()) {
  }
  EXPECT_EQ(client->received(), stream(3, 20'000)) << "seed " << seed;
  return network.trace().hash();
}

TEST(SimNetworkSeed, TheSameSeedGivesTheSameTraceAndAnotherSeedAnotherOne) {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::uint64_t hash = hash_of_seed(seed);
    EXPECT_EQ(hash, hash_of_seed(seed));
    for (const std::uint64_t earlier : hashes) EXPECT_NE(hash, earlier);
    hashes.push_back(hash);
  }
}

}  // namespace
}  // namespace backends
