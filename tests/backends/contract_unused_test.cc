// RelaySpec::return_unused: a client that left without a byte in either direction gives its
// upstream connection back, and nothing else does.
#include <algorithm>
#include <string_view>
#include <utility>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::CloseMode;
using backends::Connection;
using backends::Direction;
using backends::Event;
using backends::EventKind;
using backends::RelayEnd;
using backends::RelaySpec;
using backends::ReturnUnused;

bool ended(const Peer& peer) { return peer.eof() || peer.was_reset(); }

RelaySpec returning(ReturnUnused when) {
  RelaySpec spec;
  spec.return_unused = when;
  return spec;
}

class ContractUnused : public Contract {
 protected:
  enum class Leave { kFin, kReset };

  std::string_view why_never() const { return harness().cannot(Feature::kReturnUnused); }
  bool never_returned() const { return !why_never().empty(); }

  // What a client can do here that this network can tell apart.
  std::vector<Leave> ways() {
    if (harness().has_reset()) return {Leave::kFin, Leave::kReset};
    return {Leave::kFin};
  }

  static void leave(Peer& client, Leave how) {
    if (how == Leave::kFin) {
      client.close();
    } else {
      client.reset();
    }
  }

  // A relay whose client left; the way and the mode allow the return.
  Event wait_unused(const Joined& joined) {
    const Event done = wait_done(joined);
    EXPECT_EQ(done.relay_end, RelayEnd::kUnused);
    EXPECT_NE(done.conn, backends::ConnId::kNone);
    return done;
  }

  // The upstream connection of a client that came and went.
  Connection returned(Joined& joined, Leave how) {
    joined = join({}, returning(ReturnUnused::kAfterResetOrFin));
    leave(*joined.client, how);
    return Connection(transport(), wait_unused(joined).conn);
  }

  // Lets everything that was sent arrive while the transport looks away.
  void arrive(const Peer& peer) {
    for (int round = 0; round < 1000 && peer.in_flight() != 0; ++round) harness().step();
    ASSERT_EQ(peer.in_flight(), 0U);
  }
  void steps() {
    for (int round = 0; round < 1000; ++round) harness().step();
  }
};

TEST_P(ContractUnused, TheUpstreamConnectionComesBackOpen) {
  if (never_returned()) GTEST_SKIP() << why_never();
  for (const Leave how : ways()) {
    Joined joined;
    Connection upstream = returned(joined, how);
    ASSERT_TRUE(upstream);
    EXPECT_TRUE(transport().alive(upstream.id()));
    EXPECT_EQ(transport().peer(upstream.id()), service().address());
    settle();
    EXPECT_FALSE(ended(*joined.upstream)) << "it never heard of the client";
    EXPECT_EQ(count(EventKind::kRelayDone, joined.tag), 1U);
    EXPECT_EQ(transport().stats().relays, 0U);
    EXPECT_EQ(transport().stats().connections, 1U);
    upstream.close(CloseMode::kGraceful);
    ASSERT_TRUE(pump([&] { return joined.upstream->eof(); }));
  }
}

TEST_P(ContractUnused, AClientThatSaidOnlyFinIsAnsweredByFin) {
  if (never_returned()) GTEST_SKIP() << why_never();
  Joined joined = join({}, returning(ReturnUnused::kAfterResetOrFin));
  joined.client->shutdown_write();
  const Connection upstream(transport(), wait_unused(joined).conn);
  ASSERT_TRUE(pump([&] { return ended(*joined.client); }));
  EXPECT_TRUE(joined.client->eof());
  EXPECT_FALSE(joined.client->was_reset());
}

TEST_P(ContractUnused, AFinIsPassedOnWhereTheServiceMaySpeakFirst) {
  for (const ReturnUnused when : {ReturnUnused::kNever, ReturnUnused::kAfterReset}) {
    Joined joined = join({}, returning(when));
    joined.client->shutdown_write();
    ASSERT_TRUE(pump([&] { return joined.upstream->eof(); }));
    EXPECT_FALSE(done(joined));
    joined.upstream->send(random_bytes(10, 1));
    joined.upstream->shutdown_write();
    EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kBothClosed);
    ASSERT_TRUE(pump([&] { return joined.client->eof(); }));
    EXPECT_EQ(joined.client->received().size(), 10U);
  }
}

TEST_P(ContractUnused, AResetIsEnoughForBothModesAndForNever) {
  if (!harness().has_reset()) GTEST_SKIP() << "this network knows no RST";
  for (const ReturnUnused when :
       {ReturnUnused::kNever, ReturnUnused::kAfterReset, ReturnUnused::kAfterResetOrFin}) {
    Joined joined = join({}, returning(when));
    joined.client->reset();
    const Event done = wait_done(joined);
    if (when == ReturnUnused::kNever || never_returned()) {
      EXPECT_EQ(done.relay_end, RelayEnd::kClientReset);
      EXPECT_EQ(done.conn, backends::ConnId::kNone);
    } else {
      EXPECT_EQ(done.relay_end, RelayEnd::kUnused);
      const Connection upstream(transport(), done.conn);
      EXPECT_TRUE(upstream);
    }
  }
}

TEST_P(ContractUnused, AClientThatLeftBeforeTheRelayGivesTheUpstreamBackToo) {
  if (never_returned()) GTEST_SKIP() << why_never();
  for (const Leave how : ways()) {
    Apart apart = make_apart();
    leave(*apart.client, how);
    settle();
    Joined joined = join_apart(std::move(apart), returning(ReturnUnused::kAfterResetOrFin));
    const Connection upstream(transport(), wait_unused(joined).conn);
    EXPECT_TRUE(transport().alive(upstream.id()));
  }
}

TEST_P(ContractUnused, OneByteInEitherDirectionIsUse) {
  for (const Leave how : ways()) {
    for (const Direction direction : kBothDirections) {
      Joined joined = join({}, returning(ReturnUnused::kAfterResetOrFin));
      joined.source(direction).send(random_bytes(1, 2));
      ASSERT_TRUE(pump([&] { return joined.receiver(direction).received().size() == 1; }));
      leave(*joined.client, how);
      ASSERT_TRUE(pump([&] { return ended(*joined.upstream); }));
      joined.upstream->close();
      EXPECT_NE(wait_done(joined).relay_end, RelayEnd::kUnused);
    }
  }
}

TEST_P(ContractUnused, ALastWordOfTheClientIsUse) {
  for (const Leave how : ways()) {
    Apart apart = make_apart();
    const Bytes word = random_bytes(100, 3);
    apart.client->send(word);
    arrive(*apart.client);
    leave(*apart.client, how);
    steps();
    Joined joined = join_apart(std::move(apart), returning(ReturnUnused::kAfterResetOrFin));
    ASSERT_TRUE(pump([&] { return ended(*joined.upstream); }));
    EXPECT_TRUE(joined.upstream->received() == word);
    joined.upstream->close();
    EXPECT_NE(wait_done(joined).relay_end, RelayEnd::kUnused);
  }
}

TEST_P(ContractUnused, BytesOfTheUpstreamThatWaitAreUse) {
  for (const Leave how : ways()) {
    Apart apart = make_apart();
    apart.upstream->send(random_bytes(100, 4));
    arrive(*apart.upstream);
    leave(*apart.client, how);
    steps();
    // Both wait when the relay begins.
    Joined joined = join_apart(std::move(apart), returning(ReturnUnused::kAfterResetOrFin));
    ASSERT_TRUE(pump([&] { return done(joined) || ended(*joined.upstream); }));
    joined.upstream->close();
    EXPECT_NE(wait_done(joined).relay_end, RelayEnd::kUnused);
  }
}

TEST_P(ContractUnused, BytesOfTheUpstreamThatComeWithTheClientsEndAreUse) {
  for (const Leave how : ways()) {
    Joined joined = join({}, returning(ReturnUnused::kAfterResetOrFin));
    settle();
    // In one batch, and the client's end first: only the kernel knows of the bytes.
    leave(*joined.client, how);
    steps();
    joined.upstream->send(random_bytes(100, 5));
    arrive(*joined.upstream);
    ASSERT_TRUE(pump([&] { return done(joined) || ended(*joined.upstream); }));
    joined.upstream->close();
    EXPECT_NE(wait_done(joined).relay_end, RelayEnd::kUnused);
  }
}

TEST_P(ContractUnused, AnUpstreamThatHasGoneTooIsNotGivenBack) {
  for (const Leave how : ways()) {
    for (const Leave too : ways()) {
      Apart apart = make_apart();
      leave(*apart.upstream, too);
      steps();
      leave(*apart.client, how);
      steps();
      Joined joined = join_apart(std::move(apart), returning(ReturnUnused::kAfterResetOrFin));
      const Event done = wait_done(joined);
      EXPECT_NE(done.relay_end, RelayEnd::kUnused);
      EXPECT_EQ(done.conn, backends::ConnId::kNone);
      settle();
      EXPECT_EQ(transport().stats().connections, 0U);
    }
  }
}

TEST_P(ContractUnused, AnUpstreamThatHasHadAPreambleIsNotGivenBack) {
  for (const Leave how : ways()) {
    const Bytes preamble = random_bytes(20, 6);
    RelaySpec spec = returning(ReturnUnused::kAfterResetOrFin);
    spec.preamble = preamble;
    Joined joined = join({}, spec);
    ASSERT_TRUE(pump([&] { return joined.upstream->received() == preamble; }));
    leave(*joined.client, how);
    ASSERT_TRUE(pump([&] { return ended(*joined.upstream); }));
    joined.upstream->close();
    EXPECT_NE(wait_done(joined).relay_end, RelayEnd::kUnused);
  }
}

TEST_P(ContractUnused, AHalfClosedRelayIsNotUnused) {
  for (const Leave how : ways()) {
    Joined joined = join({}, returning(ReturnUnused::kAfterResetOrFin));
    joined.upstream->shutdown_write();
    ASSERT_TRUE(pump([&] { return joined.client->eof(); }));
    leave(*joined.client, how);
    EXPECT_NE(wait_done(joined).relay_end, RelayEnd::kUnused);
  }
}

TEST_P(ContractUnused, AnUpstreamThatHasHadTheClientsFinIsNotUnused) {
  const auto can = ways();
  if (std::find(can.begin(), can.end(), Leave::kReset) == can.end()) {
    GTEST_SKIP() << "a UNIX socket has no reset";
  }
  Joined joined = join({}, returning(ReturnUnused::kAfterReset));
  joined.client->shutdown_write();
  ASSERT_TRUE(pump([&] { return joined.upstream->eof(); }));
  joined.client->reset();
  EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kClientReset);
}

TEST_P(ContractUnused, TheErrorSaysWhetherTheClientHadReset) {
  if (never_returned()) GTEST_SKIP() << why_never();
  for (const Leave how : ways()) {
    Joined joined = join({}, returning(ReturnUnused::kAfterResetOrFin));
    leave(*joined.client, how);
    const Event done = wait_done(joined);
    ASSERT_EQ(done.relay_end, RelayEnd::kUnused);
    EXPECT_EQ(done.error == base::Errno::kNone, how == Leave::kFin);
  }
}

TEST_P(ContractUnused, AReturnedConnectionCarriesTheNextClientsBytes) {
  if (never_returned()) GTEST_SKIP() << why_never();
  for (const Leave how : ways()) {
    Joined first;
    Connection upstream = returned(first, how);
    std::unique_ptr<Peer> client = make_client();
    ASSERT_TRUE(pump([&] { return accepted().size() == 1 && client->connected(); }));
    Joined second = join_apart({.client = std::move(client),
                                .upstream = std::move(first.upstream),
                                .client_connection = std::move(accepted().front()),
                                .upstream_connection = std::move(upstream)});
    accepted().clear();
    for (const Direction direction : kBothDirections) {
      const Bytes data = random_bytes(300'000, 7);
      second.source(direction).send(data);
      ASSERT_TRUE(pump([&] { return second.receiver(direction).received().size() >= 300'000; }));
      EXPECT_TRUE(second.receiver(direction).received() == data);
    }
    second.client->shutdown_write();
    ASSERT_TRUE(pump([&] { return second.upstream->eof(); }));
    second.upstream->shutdown_write();
    EXPECT_EQ(wait_done(second).relay_end, RelayEnd::kBothClosed);
    EXPECT_EQ(second.moved(Direction::kToClient), 300'000U);
  }
}

TEST_P(ContractUnused, AConnectionMayBeGivenBackAgainAndAgain) {
  if (never_returned()) GTEST_SKIP() << why_never();
  Joined joined;
  Connection upstream = returned(joined, Leave::kFin);
  for (int i = 0; i < 3; ++i) {
    std::unique_ptr<Peer> client = make_client();
    ASSERT_TRUE(pump([&] { return accepted().size() == 1 && client->connected(); }));
    joined = join_apart({.client = std::move(client),
                         .upstream = std::move(joined.upstream),
                         .client_connection = std::move(accepted().front()),
                         .upstream_connection = std::move(upstream)},
                        returning(ReturnUnused::kAfterResetOrFin));
    accepted().clear();
    joined.client->close();
    upstream = Connection(transport(), wait_unused(joined).conn);
  }
  EXPECT_TRUE(transport().alive(upstream.id()));
}

TEST_P(ContractUnused, TheLaterEndOfAReturnedConnectionIsToldToItsNewTag) {
  if (never_returned()) GTEST_SKIP() << why_never();
  for (const Leave end : ways()) {
    Joined joined;
    const Connection upstream = returned(joined, Leave::kFin);
    const backends::Tag pooled = next_tag(kConnectTag);
    transport().retag(upstream.id(), pooled);
    const std::size_t before = count(EventKind::kPeerClosed);
    settle();
    EXPECT_EQ(count(EventKind::kPeerClosed), before);
    leave(*joined.upstream, end);
    ASSERT_TRUE(pump([&] { return count(EventKind::kPeerClosed, pooled) != 0; }));
    EXPECT_EQ(find(EventKind::kPeerClosed, pooled)->error,
              end == Leave::kFin ? base::Errno::kNone : base::to_errno(ECONNRESET));
    EXPECT_FALSE(transport().alive(upstream.id()));
    settle();
    EXPECT_EQ(count(EventKind::kPeerClosed, pooled), 1U);
    EXPECT_EQ(count(EventKind::kPeerClosed), before + 1);
  }
}

TEST_P(ContractUnused, AReturnedConnectionThatNobodyTookIsClosedWithTheTransport) {
  if (never_returned()) GTEST_SKIP() << why_never();
  Joined joined = join({}, returning(ReturnUnused::kAfterResetOrFin));
  joined.client->close();
  static_cast<void>(wait_unused(joined));
  destroy_transport();
  for (int round = 0; round < 1000 && !ended(*joined.upstream); ++round) harness().step();
  EXPECT_TRUE(ended(*joined.upstream));
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractUnused, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
