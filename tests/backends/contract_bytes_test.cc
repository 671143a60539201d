// Contract lines 1, 5, 7 and 8: bytes keep their order, none is lost, none invented; what was sent
// before the relay began belongs to it; the preamble comes first; skipped bytes never arrive.
#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::Direction;
using backends::EventKind;
using backends::RelayEnd;

constexpr std::size_t kMuch = 3U << 20U;  // More than every buffer on the way together.

class ContractBytes : public Contract {};

Bytes concatenate(std::span<const std::byte> first, std::span<const std::byte> second) {
  Bytes all(first.begin(), first.end());
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

TEST_P(ContractBytes, LargeStreamsPassBothWaysAtOnceUnchanged) {
  Joined joined = join();
  const Bytes up = random_bytes(kMuch, 1);
  const Bytes down = random_bytes(kMuch + 12345, 2);
  joined.client->send(up);
  joined.client->shutdown_write();
  joined.upstream->send(down);
  joined.upstream->shutdown_write();
  EXPECT_EQ(wait_done(joined).relay_end, RelayEnd::kBothClosed);
  ASSERT_TRUE(pump([&] { return joined.client->eof() && joined.upstream->eof(); }));
  EXPECT_TRUE(joined.upstream->received() == up);
  EXPECT_TRUE(joined.client->received() == down);
  EXPECT_EQ(joined.moved(Direction::kToUpstream), up.size());
  EXPECT_EQ(joined.moved(Direction::kToClient), down.size());
}

TEST_P(ContractBytes, SmallMessagesComeBackOneByOne) {
  Joined joined = join();
  for (std::size_t i = 1; i <= 200; ++i) {
    const Bytes message = random_bytes(i, i);
    joined.client->send(message);
    const std::size_t expected = i * (i + 1) / 2;
    ASSERT_TRUE(pump([&] { return joined.upstream->received().size() >= expected; })) << i;
    ASSERT_TRUE(std::equal(message.begin(), message.end(),
                           joined.upstream->received().end() - static_cast<std::ptrdiff_t>(i)));
    joined.upstream->send(message);
    ASSERT_TRUE(pump([&] { return joined.client->received().size() >= expected; })) << i;
  }
  EXPECT_TRUE(joined.client->received() == joined.upstream->received());
}

TEST_P(ContractBytes, AReaderThatTakesOneByteAtATimeGetsThemAll) {
  for (const Direction direction : kBothDirections) {
    Joined joined = join();
    joined.receiver(direction).read(true, 1);
    const Bytes sent = random_bytes(3000, 3);
    joined.source(direction).send(sent);
    joined.source(direction).shutdown_write();
    ASSERT_TRUE(pump([&] { return joined.receiver(direction).eof(); }));
    EXPECT_TRUE(joined.receiver(direction).received() == sent);
  }
}

TEST_P(ContractBytes, BytesFromBeforeTheRelayAreKeptForIt) {
  Apart apart = make_apart();
  const Bytes request = random_bytes(100'000, 4);
  const Bytes greeting = random_bytes(70'000, 5);
  apart.client->send(request);
  apart.upstream->send(greeting);
  settle();
  EXPECT_EQ(count(EventKind::kPeerClosed), 0U);
  Joined joined = join_apart(std::move(apart));
  ASSERT_TRUE(pump([&] {
    return joined.client->received().size() == greeting.size() &&
           joined.upstream->received().size() == request.size();
  }));
  EXPECT_TRUE(joined.client->received() == greeting);
  EXPECT_TRUE(joined.upstream->received() == request);
}

TEST_P(ContractBytes, AParkedConnectionKeepsItsGreeting) {
  const backends::Tag tag = next_tag(kConnectTag);
  backends::ConnectSpec spec;
  spec.remote = service().address();
  spec.park = true;
  backends::Connection parked = transport().connect(spec, tag);
  std::unique_ptr<Peer> upstream;
  ASSERT_TRUE(pump([&] {
    if (upstream == nullptr) upstream = service().accept();
    return upstream != nullptr && count(EventKind::kConnected, tag) == 1;
  }));
  const Bytes greeting = random_bytes(220, 6);
  upstream->send(greeting);
  settle();
  EXPECT_EQ(count(EventKind::kPeerClosed, tag), 0U);
  EXPECT_TRUE(transport().alive(parked.id()));

  Apart apart;
  apart.client = make_client();
  ASSERT_TRUE(pump([&] { return !accepted().empty(); }));
  apart.client_connection = std::move(accepted().front());
  accepted().pop_front();
  apart.upstream = std::move(upstream);
  apart.upstream_connection = std::move(parked);
  Joined joined = join_apart(std::move(apart));
  ASSERT_TRUE(pump([&] { return joined.client->received().size() == greeting.size(); }));
  EXPECT_TRUE(joined.client->received() == greeting);
  settle();
  EXPECT_EQ(joined.client->received().size(), greeting.size());
}

TEST_P(ContractBytes, ThePreambleComesFirstAndOnce) {
  const Bytes preamble = random_bytes(backends::kPreambleMax, 7);
  Apart apart = make_apart();
  const Bytes request = random_bytes(200'000, 8);
  apart.client->send(request);
  settle();
  Joined joined = join_apart(std::move(apart), {.preamble = preamble, .skip = 0});
  const Bytes expected = concatenate(preamble, request);
  ASSERT_TRUE(pump([&] { return joined.upstream->received().size() == expected.size(); }));
  EXPECT_TRUE(joined.upstream->received() == expected);
  EXPECT_EQ(joined.moved(Direction::kToUpstream), request.size());  // Payload only.
}

TEST_P(ContractBytes, ThePreambleDoesNotWaitForTheClient) {
  const Bytes preamble = random_bytes(28, 9);
  Joined joined = join({}, {.preamble = preamble, .skip = 0});
  ASSERT_TRUE(pump([&] { return joined.upstream->received().size() == preamble.size(); }));
  EXPECT_TRUE(joined.upstream->received() == preamble);
  settle();
  EXPECT_EQ(joined.upstream->received().size(), preamble.size());
  EXPECT_EQ(joined.moved(Direction::kToUpstream), 0U);
  EXPECT_EQ(joined.progress->last_active, base::Nanos{0});
  EXPECT_EQ(transport().stats().held_bytes, 0U);
}

TEST_P(ContractBytes, ThePreambleSurvivesAClientThatLeavesWithoutAWord) {
  const Bytes preamble = random_bytes(28, 10);
  Apart apart = make_apart();
  apart.client->shutdown_write();
  settle();
  Joined joined = join_apart(std::move(apart), {.preamble = preamble, .skip = 0});
  ASSERT_TRUE(pump([&] { return joined.upstream->eof(); }));
  EXPECT_TRUE(joined.upstream->received() == preamble);
}

TEST_P(ContractBytes, SkippedBytesNeverReachTheUpstream) {
  constexpr std::size_t kSkip = 107;  // A PROXY header of version 1 at its longest.
  const Bytes preamble = random_bytes(16, 11);
  const Bytes stream = random_bytes(400, 12);
  Joined joined = join({}, {.preamble = preamble, .skip = kSkip});
  // One byte a segment around the border.
  for (const std::byte byte : stream) {
    joined.client->send({&byte, 1});
    ASSERT_TRUE(pump([&] { return joined.client->in_flight() == 0; }));
    poll(base::Nanos{0});
  }
  const Bytes expected = concatenate(preamble, std::span(stream).subspan(kSkip));
  ASSERT_TRUE(pump([&] { return joined.upstream->received().size() >= expected.size(); }));
  EXPECT_TRUE(joined.upstream->received() == expected);
  EXPECT_EQ(joined.moved(Direction::kToUpstream), stream.size() - kSkip);
}

TEST_P(ContractBytes, ALongSkipEndsInsideALaterRead) {
  constexpr std::size_t kSkip = 1'000'003;
  const Bytes stream = random_bytes(2'000'000, 13);
  Joined joined = join({}, {.preamble = {}, .skip = kSkip});
  joined.client->send(stream);
  joined.client->shutdown_write();
  ASSERT_TRUE(pump([&] { return joined.upstream->eof(); }));
  const auto kept = std::span(stream).subspan(kSkip);
  EXPECT_TRUE(std::ranges::equal(joined.upstream->received(), kept));
}

TEST_P(ContractBytes, AClientShorterThanTheSkipSendsNothing) {
  Joined joined = join({}, {.preamble = {}, .skip = 1000});
  joined.client->send(random_bytes(500, 14));
  joined.client->shutdown_write();
  ASSERT_TRUE(pump([&] { return joined.upstream->eof(); }));
  EXPECT_TRUE(joined.upstream->received().empty());
}

TEST_P(ContractBytes, LastActiveMovesWithPayloadAndOnlyThen) {
  Joined joined = join();
  settle();
  EXPECT_EQ(joined.progress->last_active, base::Nanos{0});
  for (const Direction direction : kBothDirections) {
    const std::uint64_t before = joined.moved(direction);
    const base::Nanos active_before = joined.progress->last_active;
    joined.source(direction).send(random_bytes(10, 15));
    ASSERT_TRUE(pump([&] { return joined.moved(direction) == before + 10; }));
    const base::Nanos active = joined.progress->last_active;
    EXPECT_GT(active, active_before);
    EXPECT_LE(active, transport().now());
    settle();
    EXPECT_EQ(joined.progress->last_active, active);
    // A FIN is no payload.
    joined.source(direction).shutdown_write();
    ASSERT_TRUE(pump([&] { return joined.receiver(direction).eof(); }));
    EXPECT_EQ(joined.progress->last_active, active);
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractBytes, testing::ValuesIn(harnesses()), harness_name);

}  // namespace
}  // namespace contract
