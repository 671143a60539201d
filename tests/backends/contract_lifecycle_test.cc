// Contract lines 6, 9, 10 and 11: exactly one event for each operation, names that go stale
// harmlessly, fixed capacity, and wake().
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::CloseMode;
using backends::Connection;
using backends::EventKind;
using backends::RelayEnd;
using backends::Tag;

class ContractLifecycle : public Contract {};

TEST_P(ContractLifecycle, ARefusedConnectTellsWhy) {
  const Tag tag = next_tag(kConnectTag);
  const Connection connection = connect(harness().refusing_address(), tag);
  ASSERT_TRUE(pump([&] { return count(EventKind::kConnected, tag) == 1; }));
  EXPECT_NE(find(EventKind::kConnected, tag)->error, base::Errno::kNone);
  if (GetParam().family != base::Family::kUnix) {
    EXPECT_EQ(find(EventKind::kConnected, tag)->error, base::to_errno(ECONNREFUSED));
  }
  settle();
  EXPECT_EQ(count(EventKind::kConnected, tag), 1U);
  EXPECT_EQ(count(EventKind::kPeerClosed, tag), 0U);
}

TEST_P(ContractLifecycle, AHandleClosedEarlyHearsNothing) {
  const Tag refused = next_tag(kConnectTag);
  const Tag accepted_by = next_tag(kConnectTag);
  { const Connection dropped = connect(harness().refusing_address(), refused); }
  connect(service().address(), accepted_by).close(CloseMode::kGraceful);
  settle();
  EXPECT_EQ(count(EventKind::kConnected), 0U);
  EXPECT_EQ(count(EventKind::kPeerClosed), 0U);
  EXPECT_EQ(transport().stats().connections, 0U);
}

TEST_P(ContractLifecycle, RetagMovesTheEventsToTheNewOwner) {
  Apart apart = make_apart();
  const Tag heir = next_tag(kClientTag);
  transport().retag(apart.upstream_connection.id(), heir);
  apart.upstream->shutdown_write();
  ASSERT_TRUE(pump([&] { return count(EventKind::kPeerClosed, heir) == 1; }));
  EXPECT_EQ(find(EventKind::kPeerClosed, heir)->error, base::Errno::kNone);
  EXPECT_EQ(count(EventKind::kPeerClosed), 1U);
}

TEST_P(ContractLifecycle, AConnectUnderWayCanBeRetagged) {
  const Tag first = next_tag(kConnectTag);
  const Tag second = next_tag(kConnectTag);
  const Connection refused = connect(harness().refusing_address(), first);
  const Connection taken = connect(service().address(), first);
  transport().retag(refused.id(), second);
  transport().retag(taken.id(), second);
  ASSERT_TRUE(pump([&] { return count(EventKind::kConnected, second) == 2; }));
  EXPECT_EQ(count(EventKind::kConnected, first), 0U);
}

TEST_P(ContractLifecycle, AParkedConnectionSaysWhenItsServerLeaves) {
  Apart apart = make_apart();
  const Tag tag = next_tag(kConnectTag);
  transport().retag(apart.upstream_connection.id(), tag);
  EXPECT_TRUE(transport().alive(apart.upstream_connection.id()));
  apart.upstream->send(random_bytes(100, 1));
  apart.upstream->shutdown_write();
  ASSERT_TRUE(pump([&] { return count(EventKind::kPeerClosed, tag) == 1; }));
  EXPECT_FALSE(transport().alive(apart.upstream_connection.id())) << "behind unread bytes";
  settle();
  EXPECT_EQ(count(EventKind::kPeerClosed, tag), 1U);
}

TEST_P(ContractLifecycle, AResetConnectionSaysSoWithItsError) {
  if (!harness().has_reset()) GTEST_SKIP() << "this network knows no RST";
  Apart apart = make_apart();
  const Tag tag = next_tag(kConnectTag);
  transport().retag(apart.upstream_connection.id(), tag);
  apart.upstream->reset();
  ASSERT_TRUE(pump([&] { return count(EventKind::kPeerClosed, tag) == 1; }));
  EXPECT_EQ(find(EventKind::kPeerClosed, tag)->error, base::to_errno(ECONNRESET));
  EXPECT_FALSE(transport().alive(apart.upstream_connection.id()));
  settle();
  EXPECT_EQ(count(EventKind::kPeerClosed, tag), 1U);
}

TEST_P(ContractLifecycle, AnAbortResetsBothSides) {
  Joined joined = join();
  joined.client->send(random_bytes(100, 2));
  ASSERT_TRUE(pump([&] { return joined.upstream->received().size() == 100; }));
  transport().abort(joined.relay);
  EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kAborted);
  const auto ended = [](const Peer& peer) { return peer.eof() || peer.was_reset(); };
  ASSERT_TRUE(pump([&] { return ended(*joined.client) && ended(*joined.upstream); }));
  EXPECT_EQ(joined.client->was_reset(), harness().has_reset());
  EXPECT_EQ(joined.upstream->was_reset(), harness().has_reset());
  settle();
  EXPECT_EQ(count(EventKind::kRelayDone), 1U);
}

TEST_P(ContractLifecycle, AbortingTwiceOrTooLateIsHarmless) {
  Joined joined = join();
  transport().abort(joined.relay);
  transport().abort(joined.relay);
  wait_done(joined);
  Joined reuses_the_slot = join();
  transport().abort(joined.relay);
  settle();
  EXPECT_EQ(count(EventKind::kRelayDone), 1U);
  EXPECT_FALSE(done(reuses_the_slot));
}

TEST_P(ContractLifecycle, SlotsAreReusedWithoutMixingSessions) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    Joined joined = join();
    const Bytes data = random_bytes(100, i);
    joined.client->send(data);
    joined.client->shutdown_write();
    ASSERT_TRUE(pump([&] { return joined.upstream->eof(); }));
    ASSERT_TRUE(joined.upstream->received() == data);
    joined.upstream->shutdown_write();
    ASSERT_EQ(wait_done(joined).relay_end, RelayEnd::kBothClosed);
    ASSERT_EQ(count(EventKind::kRelayDone, joined.tag), 1U);
  }
  EXPECT_EQ(transport().stats().connections, 0U);
  EXPECT_EQ(transport().stats().relays, 0U);
}

TEST_P(ContractLifecycle, ConnectionsPastTheCapacityAreRefused) {
  start({.connections_max = 4, .clients_max = 2, .pipes_max = 2, .pipe_bytes = 0});
  std::vector<Connection> held;
  std::vector<Tag> tags;
  for (int i = 0; i < 6; ++i) {
    tags.push_back(next_tag(kConnectTag));
    held.push_back(connect(service().address(), tags.back()));
  }
  EXPECT_TRUE(held[3]);
  EXPECT_FALSE(held[4]);
  EXPECT_EQ(count(EventKind::kConnected), 0U) << "no event outside poll()";
  ASSERT_TRUE(pump([&] { return count(EventKind::kConnected) == 6; }));
  for (std::size_t i = 0; i < tags.size(); ++i) {
    ASSERT_EQ(count(EventKind::kConnected, tags[i]), 1U);
    EXPECT_EQ(find(EventKind::kConnected, tags[i])->error,
              i < 4 ? base::Errno::kNone : base::to_errno(EMFILE));
  }
  EXPECT_EQ(transport().stats().connects_refused, 2U);
  held.clear();
  const Tag tag = next_tag(kConnectTag);
  const Connection again = connect(service().address(), tag);
  ASSERT_TRUE(pump([&] { return count(EventKind::kConnected, tag) == 1; }));
  EXPECT_EQ(find(EventKind::kConnected, tag)->error, base::Errno::kNone);
}

TEST_P(ContractLifecycle, WakeEndsAPollFromAnotherThread) {
  transport();
  std::thread waker([this] { transport().wake(); });
  poll(std::chrono::seconds(20));  // Ends at once in real time; virtual time may pass it first.
  waker.join();
  ASSERT_TRUE(pump([&] { return count(EventKind::kWoken) >= 1; }));
}

TEST_P(ContractLifecycle, ManyWakesMayBecomeOneButNeverNone) {
  transport().wake();
  transport().wake();
  transport().wake();
  ASSERT_TRUE(pump([&] { return count(EventKind::kWoken) >= 1; }));
  settle();
  EXPECT_LE(count(EventKind::kWoken), 3U);
  const std::size_t before = count(EventKind::kWoken);
  transport().wake();
  ASSERT_TRUE(pump([&] { return count(EventKind::kWoken) == before + 1; }));
}

TEST_P(ContractLifecycle, TimeStandsStillBetweenPolls) {
  poll(base::Nanos{0});
  const base::Nanos now = transport().now();
  const Connection connection = connect(service().address(), next_tag(kConnectTag));
  EXPECT_EQ(transport().now(), now);
  poll(std::chrono::milliseconds(1));
  EXPECT_GT(transport().now(), now);
}

TEST_P(ContractLifecycle, AnEmptyPollComesBackInTime) {
  transport();
  settle();
  const base::Nanos before = transport().now();
  poll(std::chrono::milliseconds(20));
  const base::Nanos waited = transport().now() - before;
  EXPECT_LT(waited, std::chrono::seconds(2));
}

TEST_P(ContractLifecycle, ConnectionsKnowTheirAddresses) {
  Apart apart = make_apart();
  EXPECT_EQ(transport().peer(apart.upstream_connection.id()).ip, service().address().ip);
  EXPECT_EQ(transport().local(apart.client_connection.id()).ip, listener_address().ip);
  const base::Address client = transport().peer(apart.client_connection.id());
  EXPECT_EQ(client.family(), GetParam().family);
  if (GetParam().family != base::Family::kUnix) {
    EXPECT_NE(client.ip.port, 0);
  }
  const auto original = transport().original_destination(apart.client_connection.id());
  ASSERT_FALSE(original.has_value()) << "nothing was redirected";
  EXPECT_EQ(original.error(), base::to_errno(ENOENT));
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractLifecycle, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
