// Contract lines 4 and 13: what a relay holds is bounded, a reader that stops stops the writer, no
// relay starves the rest, and an idle one holds nothing.
#include <algorithm>
#include <utility>
#include <vector>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::Direction;

// The most an engine may hold in one direction: a buffer or a pipe of 1 MiB.
constexpr std::uint64_t kHeldMax = 1U << 20U;
// More than all the buffers of the machine on the way of one connection (tcp_wmem, tcp_rmem).
constexpr std::size_t kEndless = 64U << 20U;

class ContractBackpressure : public Contract {};

TEST_P(ContractBackpressure, AReaderThatStopsStopsTheWriter) {
  use_service_buffers(128UL * 1024);
  for (const Direction direction : kBothDirections) {
    Joined joined = join({.buffer_bytes = 128UL * 1024});
    joined.receiver(direction).read(false);
    joined.source(direction).send(Bytes(kEndless));
    settle();
    // How much the kernel's own buffers take grows with its autotuning: 36 MiB were seen.
    EXPECT_GT(joined.source(direction).in_flight(), 0U) << "the writer was not stopped";
    EXPECT_GT(joined.moved(direction), 0U);
    EXPECT_LE(transport().stats().held_bytes, kHeldMax);

    // The other direction does not care.
    const Bytes back = random_bytes(100'000, 1);
    joined.receiver(direction).send(back);
    ASSERT_TRUE(pump([&] { return joined.source(direction).received().size() == back.size(); }));
    EXPECT_TRUE(joined.source(direction).received() == back);

    // And it goes on where it stopped.
    const std::uint64_t stalled_at = joined.moved(direction);
    joined.receiver(direction).read(true);
    ASSERT_TRUE(pump([&] { return joined.moved(direction) > stalled_at + 1'000'000; }));
    transport().abort(joined.relay);
    wait_done(joined);
    EXPECT_EQ(transport().stats().held_bytes, 0U);
    EXPECT_EQ(transport().stats().pipes_borrowed, 0U);
  }
}

TEST_P(ContractBackpressure, StopAndGoLosesNothing) {
  use_service_buffers(128UL * 1024);
  for (const Direction direction : kBothDirections) {
    Joined joined = join({.buffer_bytes = 128UL * 1024});
    const Bytes data = random_bytes(5'000'000, 2);
    joined.source(direction).send(data);
    joined.source(direction).shutdown_write();
    bool reading = true;
    std::size_t next = 300'000;
    ASSERT_TRUE(pump([&] {
      // On and off at every 300 kB, with rounds without reading in between.
      const std::size_t got = joined.receiver(direction).received().size();
      if (reading && got >= next) {
        next += 300'000;
        joined.receiver(direction).read(reading = false);
        for (int round = 0; round < 20; ++round) {
          harness().step();
          poll(base::Nanos{0});
        }
        joined.receiver(direction).read(reading = true, 10'000);
      }
      return joined.receiver(direction).eof();
    }));
    EXPECT_TRUE(joined.receiver(direction).received() == data);
  }
}

TEST_P(ContractBackpressure, AnElephantDoesNotStarveTheMice) {
  constexpr std::size_t kMice = 10;
  Joined elephant = join();
  elephant.client->send(Bytes(kEndless));
  std::vector<Joined> mice;
  for (std::size_t i = 0; i < kMice; ++i) mice.push_back(join());
  for (std::size_t i = 0; i < kMice; ++i) mice[i].client->send(random_bytes(10, i));
  // All of them are served within a few polls although the elephant never runs dry.
  const std::uint64_t moved_before = elephant.moved(Direction::kToUpstream);
  const auto all_served = [&] {
    return std::ranges::all_of(
        mice, [](const Joined& mouse) { return mouse.moved(Direction::kToUpstream) == 10; });
  };
  constexpr int kPollsMax = 200;
  int polls = 0;
  for (; polls < kPollsMax && !all_served(); ++polls) {
    harness().step();
    poll(base::Nanos{0});
  }
  EXPECT_LT(polls, kPollsMax);
  ASSERT_GT(elephant.client->in_flight(), 0U) << "the elephant was too small to prove anything";
  // One poll is bounded too, whatever is waiting.
  EXPECT_LE(elephant.moved(Direction::kToUpstream) - moved_before,
            static_cast<std::uint64_t>(polls + 1) * 4 * kHeldMax);
  // And the elephant is not starved by the mice.
  ASSERT_TRUE(pump([&] { return elephant.moved(Direction::kToUpstream) > 8U << 20U; }));
}

TEST_P(ContractBackpressure, AListenerAndAWakeGetTheirTurnBesideAnElephant) {
  Joined elephant = join();
  elephant.client->send(Bytes(kEndless));
  const std::unique_ptr<Peer> client = make_client();
  transport().wake();
  constexpr int kPollsMax = 200;
  int polls = 0;
  for (; polls < kPollsMax && (accepted().empty() || count(backends::EventKind::kWoken) == 0);
       ++polls) {
    harness().step();
    poll(base::Nanos{0});
  }
  EXPECT_LT(polls, kPollsMax);
  EXPECT_GT(elephant.client->in_flight(), 0U);
}

TEST_P(ContractBackpressure, AnIdleRelayHoldsNothing) {
  Joined joined = join();
  joined.client->send(random_bytes(4'000'000, 3));  // Bulk first, so that it has borrowed a pipe.
  joined.upstream->send(random_bytes(4'000'000, 4));
  ASSERT_TRUE(pump([&] {
    return joined.upstream->received().size() == 4'000'000 &&
           joined.client->received().size() == 4'000'000;
  }));
  settle();
  EXPECT_FALSE(done(joined));
  EXPECT_EQ(transport().stats().held_bytes, 0U);
  EXPECT_EQ(transport().stats().pipes_borrowed, 0U);
}

INSTANTIATE_TEST_SUITE_P(Engines, ContractBackpressure, testing::ValuesIn(harnesses()),
                         harness_name);

}  // namespace
}  // namespace contract
