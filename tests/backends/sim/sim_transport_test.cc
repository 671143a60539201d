// What the contract suite does not ask of the simulator: its clocks, its faults, exhaustion, and
// its statistics.
#include "backends/sim/sim_transport.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/backends/sim/sim_fixture.h"

namespace backends {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Tag kListenTag{.kind = 1, .id = {1, 1}};
constexpr Tag kConnectTag{.kind = 2, .id = {2, 1}};

class SimTransportTest : public testing::Test {
 protected:
  SimTransport& make(const SimTransportOptions& options) {
    transport_ = std::make_unique<SimTransport>(network_, options);
    return *transport_;
  }

  static SimTransportOptions driven() {
    SimTransportOptions options;
    options.clock = SimClock::kDriven;
    return options;
  }

  ListenerId listen() {
    ListenSpec spec;
    spec.address = address("10.0.0.1:80");
    return transport_->listen(spec, kListenTag).value();
  }

  Connection connect(const base::Address& remote, Tag tag) {
    ConnectSpec spec;
    spec.remote = remote;
    return transport_->connect(spec, tag);
  }

  // Polls for a while and counts the events of a kind; clients are kept.
  std::size_t count(EventKind kind, base::Nanos time = milliseconds(50)) {
    std::size_t found = 0;
    const base::Nanos end = network_.now() + time;
    while (network_.now() < end) {
      for (const Event& event : transport_->poll(end - network_.now())) {
        found += event.kind == kind ? 1 : 0;
        if (event.kind == EventKind::kAccepted) accepted_.emplace_back(*transport_, event.conn);
        if (event.kind == kind) last_ = event;
      }
    }
    return found;
  }

  SimNetwork network_{{}};
  std::unique_ptr<SimTransport> transport_;
  std::vector<Connection> accepted_;
  Event last_{.kind = EventKind::kWoken, .tag = {}};
};

TEST_F(SimTransportTest, WithAClockOfItsOwnAPollMovesTimeToTheEventOrTheWaitsEnd) {
  make({});
  const base::Nanos began = network_.now();
  EXPECT_TRUE(transport_->poll(seconds(5)).empty());
  EXPECT_EQ(transport_->now(), began + seconds(5));
  const Connection connection = connect(address("10.0.0.9:1"), kConnectTag);
  const auto events = transport_->poll(seconds(5));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].error, base::to_errno(ECONNREFUSED));
  EXPECT_LT(transport_->now(), began + seconds(6));
}

TEST_F(SimTransportTest, DrivenItNeverMovesTimeAndSaysWhenItWouldWake) {
  make(driven());
  EXPECT_TRUE(transport_->runnable());
  const base::Nanos began = network_.now();
  EXPECT_TRUE(transport_->poll(seconds(5)).empty());
  EXPECT_EQ(network_.now(), began);
  EXPECT_FALSE(transport_->runnable());
  EXPECT_EQ(transport_->deadline(), began + seconds(5));
  network_.advance_to(began + seconds(5));
  EXPECT_TRUE(transport_->runnable());
  EXPECT_TRUE(transport_->poll(base::kForever).empty());
  EXPECT_EQ(transport_->now(), began + seconds(5));
  EXPECT_FALSE(transport_->deadline().has_value());
  transport_->wake();
  EXPECT_TRUE(transport_->runnable());
}

TEST_F(SimTransportTest, AWaitIsCountedFromTheLastPollsTime) {
  make(driven());
  const base::Nanos began = network_.now();
  static_cast<void>(transport_->poll(seconds(1)));
  network_.advance_to(began + seconds(1));
  // The caller still thinks it is `began`, and wants to be back two seconds after that.
  static_cast<void>(transport_->poll(seconds(2)));
  EXPECT_EQ(transport_->deadline(), began + seconds(2));
}

TEST_F(SimTransportTest, AWakeFromAnotherThreadEndsAPollWithoutALimit) {
  make({});
  std::thread other([this] { transport_->wake(); });
  const auto events = transport_->poll(base::kForever);
  other.join();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EventKind::kWoken);
}

TEST_F(SimTransportTest, ExhaustionStopsAcceptingOnceAndItResumesOnce) {
  make({});
  listen();
  for (const int error : {EMFILE, ENOMEM}) {
    network_.set_exhausted(base::to_errno(error));
    const auto first = make_client(network_, address("10.0.0.1:80"));
    const auto second = make_client(network_, address("10.0.0.1:80"));
    EXPECT_EQ(count(EventKind::kAcceptFailed), 1U);
    EXPECT_EQ(last_.error, base::to_errno(error));
    EXPECT_EQ(last_.tag, kListenTag);
    network_.set_exhausted(base::Errno::kNone);
    const std::size_t before = accepted_.size();
    EXPECT_EQ(count(EventKind::kAcceptResumed), 1U);
    EXPECT_EQ(accepted_.size(), before + 2);
  }
  EXPECT_EQ(
      transport_->stats().accept_failures[static_cast<std::size_t>(AcceptFailure::kDescriptors)],
      1U);
  EXPECT_EQ(transport_->stats().accept_failures[static_cast<std::size_t>(AcceptFailure::kMemory)],
            1U);
}

TEST_F(SimTransportTest, AConnectWithoutDescriptorsFailsInTheNextBatch) {
  make({});
  network_.set_exhausted(base::to_errno(ENFILE));
  const Connection connection = connect(address("10.0.0.9:1"), kConnectTag);
  EXPECT_FALSE(connection);
  EXPECT_EQ(count(EventKind::kConnected), 1U);
  EXPECT_EQ(last_.error, base::to_errno(ENFILE));
  EXPECT_EQ(transport_->stats().connects_refused, 1U);
}

TEST_F(SimTransportTest, SeveralWorkersShareAnAddressAndTheSeedSpreadsTheClients) {
  SimTransport& first = make({});
  listen();
  SimTransport second(network_, {});
  ASSERT_TRUE(
      second.listen({.address = address("10.0.0.1:80"), .tcp = {}}, kListenTag).has_value());
  std::vector<std::unique_ptr<SimPeer>> clients;
  clients.reserve(40);
  for (int i = 0; i < 40; ++i) clients.push_back(make_client(network_, address("10.0.0.1:80")));
  network_.run_until(network_.now() + milliseconds(10));
  std::size_t here = 0;
  for (int i = 0; i < 10; ++i) {
    for (const Event& event : first.poll(base::Nanos{0})) {
      accepted_.emplace_back(first, event.conn);
      ++here;
    }
  }
  EXPECT_GT(here, 5U);
  EXPECT_LT(here, 35U);
}

TEST_F(SimTransportTest, EmptyPollsComeThoughSomethingIsThereAndLoseNothing) {
  SimTransportOptions options;
  options.faults.empty_poll = 900;
  make(options);
  listen();
  const auto client = make_client(network_, address("10.0.0.1:80"));
  network_.run_until(network_.now() + milliseconds(10));
  int empty = 0;
  while (transport_->poll(base::Nanos{0}).empty() && empty < 1000) ++empty;
  EXPECT_GT(empty, 0);
  EXPECT_LT(empty, 1000);
}

TEST_F(SimTransportTest, BatchesAreCutAtTheirLimitAndTheRestFollows) {
  SimTransportOptions options;
  options.faults.batch_max = 1;
  make(options);
  std::vector<Connection> connections;
  connections.reserve(10);
  for (int i = 0; i < 10; ++i) {
    connections.push_back(connect(address("10.0.0.9:1"), kConnectTag));
  }
  network_.run_until(network_.now() + milliseconds(10));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(transport_->poll(base::Nanos{0}).size(), 1U);
  EXPECT_TRUE(transport_->poll(base::Nanos{0}).empty());
}

TEST_F(SimTransportTest, ShuffledEventsComeInAnOrderOfTheSeed) {
  SimTransportOptions options;
  options.faults.shuffle = true;
  make(options);
  std::vector<Connection> connections;
  for (std::uint32_t i = 0; i < 20; ++i) {
    connections.push_back(connect(address("10.0.0.9:1"), {.kind = 2, .id = {i, 1}}));
  }
  network_.run_until(network_.now() + milliseconds(10));
  const auto events = transport_->poll(base::Nanos{0});
  ASSERT_EQ(events.size(), 20U);
  const bool in_order =
      std::ranges::is_sorted(events, {}, [](const Event& event) { return event.tag.id.slot; });
  EXPECT_FALSE(in_order);
}

TEST_F(SimTransportTest, AnEngineThatGivesUpResetsBothSides) {
  SimTransportOptions options;
  options.faults.relay_failure = 1000;
  make(options);
  listen();
  const auto service = make_service(network_, "10.0.0.2:80", [](SimPeer&) {});
  const auto client = make_client(network_, address("10.0.0.1:80"));
  EXPECT_EQ(count(EventKind::kAccepted), 1U);
  Connection upstream = connect(service->address(), kConnectTag);
  EXPECT_EQ(count(EventKind::kConnected), 1U);
  RelayProgress progress;
  transport_->relay(std::move(accepted_.back()), std::move(upstream), {}, progress, kConnectTag);
  EXPECT_EQ(count(EventKind::kRelayDone), 1U);
  EXPECT_EQ(last_.relay_end, RelayEnd::kFailed);
  EXPECT_EQ(last_.error, base::to_errno(ENOMEM));
  EXPECT_TRUE(client->was_reset());
  EXPECT_TRUE(service->peers()[0]->was_reset());
  EXPECT_EQ(transport_->stats().connections, 0U);
  EXPECT_EQ(transport_->stats().relays, 0U);
}

TEST_F(SimTransportTest, PairsNameTheFarEndsOfEveryRelay) {
  make({});
  listen();
  const auto service = make_service(network_, "10.0.0.2:80", [](SimPeer&) {});
  const auto client = make_client(network_, address("10.0.0.1:80"));
  EXPECT_EQ(count(EventKind::kAccepted), 1U);
  Connection upstream = connect(service->address(), kConnectTag);
  EXPECT_EQ(count(EventKind::kConnected), 1U);
  RelayProgress progress;
  transport_->relay(std::move(accepted_.back()), std::move(upstream), {}, progress, kConnectTag);
  ASSERT_EQ(transport_->pairs().size(), 1U);
  EXPECT_EQ(transport_->pairs()[0].client, client->number());
  EXPECT_EQ(transport_->pairs()[0].upstream, service->peers()[0]->number());
}

}  // namespace
}  // namespace backends
