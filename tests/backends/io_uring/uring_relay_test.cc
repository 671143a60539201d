#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "backends/io_uring/buffer_ring.h"
#include "backends/io_uring/ring.h"
#include "backends/socket/socket_options.h"
#include "tests/backends/io_uring/crowd.h"
#include "tests/backends/io_uring/uring_fixture.h"
#include "tests/backends/socket/two_sides.h"

namespace backends::io_uring {
namespace {

constexpr base::Nanos kMoment = std::chrono::milliseconds(1);
constexpr std::size_t kBulk = 8U << 20U;

class UringRelayTest : public UringTest {};

// Polls until so many bytes were delivered to the upstream.
bool deliver(Crowd& crowd, std::size_t pair, std::uint64_t total) {
  for (int round = 0; round < 1000 && crowd.pairs[pair].progress.bytes[0] < total; ++round) {
    crowd.poll();
  }
  return crowd.pairs[pair].progress.bytes[0] == total;
}

const Event* end_of(const Crowd& crowd) {
  const auto end = std::ranges::find(crowd.events, EventKind::kRelayDone, &Event::kind);
  return end == crowd.events.end() ? nullptr : &*end;
}

bool poll_to_end(Crowd& crowd) {
  for (int round = 0; round < 1000 && end_of(crowd) == nullptr; ++round) crowd.poll(kMoment);
  crowd.poll();  // Closes by request.
  return end_of(crowd) != nullptr;
}

TEST_F(UringRelayTest, SmallMessagesGoByCompletionsAndCostTwoEntersAtMost) {
  Crowd crowd({.relays = 1});
  constexpr std::size_t kMessages = 50;
  constexpr std::size_t kBytes = 64;
  const auto before = crowd.stats();
  for (std::size_t message = 1; message <= kMessages; ++message) {
    crowd.send(0, message * kBytes);
    ASSERT_TRUE(deliver(crowd, 0, message * kBytes));
    crowd.receive(0);
  }
  EXPECT_EQ(crowd.pairs[0].got, kMessages * kBytes);
  EXPECT_FALSE(crowd.pairs[0].wrong);
  EXPECT_EQ(crowd.moved_by(Method::kUring), kMessages * kBytes);
  auto expected = before.syscalls;
  const auto enter = static_cast<std::size_t>(Syscall::kEnter);
  expected[enter] = crowd.stats().syscalls[enter];
  EXPECT_EQ(crowd.stats().syscalls, expected) << "nothing but enters";
  EXPECT_LE(expected[enter] - before.syscalls[enter], 2 * kMessages + 4);
  EXPECT_EQ(crowd.stats().submissions - before.submissions, kMessages) << "one send for each";
  EXPECT_EQ(crowd.stats().held_bytes, 0U);
}

TEST_F(UringRelayTest, ManyMessagesAtOnceAreOneBatchOfEachReceiver) {
  constexpr std::size_t kRelays = 8;
  constexpr std::size_t kBytes = 3 * kReceiveBytes + 100;  // Four buffers.
  Crowd crowd({.relays = kRelays});
  const auto before = crowd.stats();
  for (std::size_t i = 0; i < kRelays; ++i) crowd.send(i, kBytes);
  for (std::size_t i = 0; i < kRelays; ++i) EXPECT_TRUE(deliver(crowd, i, kBytes));
  EXPECT_EQ(crowd.stats().submissions - before.submissions, kRelays);
  EXPECT_EQ(crowd.stats().completions - before.completions, 4 * kRelays);
  const auto enter = static_cast<std::size_t>(Syscall::kEnter);
  EXPECT_LE(crowd.stats().syscalls[enter] - before.syscalls[enter], 4U);
  EXPECT_TRUE(crowd.finish(kBytes));
  EXPECT_EQ(crowd.moved_by(Method::kUring), kRelays * kBytes);
}

TEST_F(UringRelayTest, ARelayThatMovedBulkComesBackToCompletions) {
  socket::TwoSides two("io_uring");
  ASSERT_TRUE(two.pass(kBulk, 1U << 20U));
  EXPECT_EQ(two.transport->stats().promotions, 1U);
  EXPECT_GT(two.moved_by(Method::kSplice), kBulk / 2);
  ASSERT_TRUE(two.pass(10'000, 100));
  EXPECT_EQ(two.transport->stats().demotions, 1U);
  const std::uint64_t receives = two.calls(Syscall::kReceive);
  const std::uint64_t completed = two.moved_by(Method::kUring);
  ASSERT_TRUE(two.pass(5'000, 100));
  EXPECT_EQ(two.moved_by(Method::kUring) - completed, 5'000U);
  EXPECT_EQ(two.calls(Syscall::kReceive), receives);
}

TEST_F(UringRelayTest, ASlowReceiverLosesNothingAndHoldsNoLentBuffer) {
  constexpr std::size_t kTotal = 1U << 20U;
  Crowd crowd({.relays = 1, .far_buffer_bytes = 16 * 1024, .send_buffer_bytes = 16 * 1024});
  for (int round = 0; round < 200; ++round) {
    crowd.send(0, kTotal);
    crowd.poll(kMoment);
  }
  EXPECT_GT(crowd.moved_by(Method::kUring), 0U);
  EXPECT_GT(crowd.stats().short_writes, 0U);
  EXPECT_GT(crowd.stats().held_bytes, 0U);
  EXPECT_EQ(crowd.stats().buffers_in_use, 0U) << "the receiver still stands";
  EXPECT_LT(crowd.pairs[0].sent, kTotal) << "the sender feels it";
  EXPECT_TRUE(crowd.finish(kTotal));
  EXPECT_EQ(crowd.stats().held_bytes, 0U);
  EXPECT_EQ(crowd.pairs[0].progress.bytes[0], kTotal);
}

TEST_F(UringRelayTest, AThousandStoppedReadersDoNotStopOthers) {
  const std::size_t relays = Crowd::affordable(1000);
  if (relays < 200) GTEST_SKIP() << "RLIMIT_NOFILE allows only " << relays << " relays";
  constexpr std::size_t kTotal = 64UL * 1024;
  Crowd crowd({.relays = relays,
               .transport = {.receive_buffers_bytes = kBuffersBytesMin},
               .far_buffer_bytes = 8 * 1024,
               .send_buffer_bytes = 8 * 1024});
  ASSERT_EQ(crowd.stats().buffers_max, kBuffersBytesMin / kReceiveBytes);
  // The last one reads; the others have stopped.
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i + 1 < relays; ++i) crowd.send(i, kTotal);
    for (int polls = 0; polls < 20; ++polls) crowd.poll();
  }
  // Each of them leaves completions with a full ring of buffers, one after the other.
  constexpr int kQuiet = 20;
  int quiet = 0;
  for (std::size_t polls = 0; polls < 20 * relays && quiet < kQuiet; ++polls) {
    const std::uint64_t before = crowd.stats().completions;
    crowd.poll();
    quiet = crowd.stats().completions == before ? quiet + 1 : 0;
  }
  ASSERT_EQ(quiet, kQuiet);
  EXPECT_GT(crowd.stats().buffers_exhausted, 0U);
  EXPECT_GT(crowd.stats().held_bytes, 0U);
  EXPECT_EQ(crowd.stats().buffers_in_use, 0U);
  const std::uint64_t completed = crowd.moved_by(Method::kUring);
  for (std::size_t message = 1; message <= 50; ++message) {
    crowd.send(relays - 1, message * 100);
    ASSERT_TRUE(deliver(crowd, relays - 1, message * 100));
    crowd.receive(relays - 1);
  }
  EXPECT_EQ(crowd.moved_by(Method::kUring) - completed, 5000U);
  EXPECT_TRUE(crowd.finish(kTotal));
  EXPECT_EQ(crowd.stats().held_bytes, 0U);
}

TEST_F(UringRelayTest, ABurstLargerThanTheLentBuffersArrivesWhole) {
  constexpr std::size_t kRelays = 100;
  constexpr std::size_t kTotal = 3 * kReceiveBytes;
  Crowd crowd({.relays = kRelays, .transport = {.receive_buffers_bytes = kBuffersBytesMin}});
  for (std::size_t i = 0; i < kRelays; ++i) crowd.send(i, kTotal);
  EXPECT_TRUE(crowd.finish(kTotal));
  EXPECT_GT(crowd.stats().buffers_exhausted, 0U);
  EXPECT_EQ(crowd.moved_by(Method::kUring), kRelays * kTotal) << "nobody has to leave for it";
  for (int round = 0; round < 3; ++round) crowd.poll(kMoment);
  EXPECT_EQ(crowd.stats().buffers_in_use, 0U);
}

// A send says only that it failed, so its completion must be seen before the next batch, also when
// there are more completions than their queue holds.
TEST_F(UringRelayTest, AFailedSendIsSeenAmongMoreCompletionsThanTheQueueHolds) {
  constexpr std::size_t kRelays = kCompletionEntries + 200;
  if (Crowd::affordable(kRelays) < kRelays) {
    GTEST_SKIP() << "RLIMIT_NOFILE does not allow " << kRelays << " relays";
  }
  constexpr std::size_t kTotal = 3 * kReceiveBytes;
  // More receives without a buffer than the queue has places, each look, and the smallest buffers
  // behind them that the kernel makes: those that find a lent buffer cannot send all of it.
  Crowd crowd({.relays = kRelays,
               .transport = {.connections_max = 2 * kRelays,
                             .clients_max = kRelays,
                             .receive_buffers_bytes = kBuffersBytesMin},
               .far_buffer_bytes = 1,
               .send_buffer_bytes = 1,
               .sent_before = kTotal});
  for (int round = 0; round < 20; ++round) crowd.poll();
  EXPECT_GT(crowd.stats().completions_overflowed, 0U);
  EXPECT_GT(crowd.stats().short_writes, 0U);
  // Those that were served meanwhile: the first ones.
  constexpr std::size_t kServed = 200;
  std::size_t whole = 0;
  for (int round = 0; round < 5000 && whole < kServed; ++round) {
    whole = 0;
    for (std::size_t i = 0; i < kServed; ++i) {
      crowd.receive(i);
      ASSERT_FALSE(crowd.pairs[i].wrong) << "bytes are missing before " << crowd.pairs[i].got;
      if (crowd.pairs[i].got == kTotal) ++whole;
    }
    crowd.poll(kMoment);
  }
  EXPECT_EQ(whole, kServed);
}

TEST_F(UringRelayTest, AnUrgentByteStaysInItsPlaceAmongCompletions) {
  socket::TwoSides two("io_uring");
  ASSERT_TRUE(two.pass(100, 100));
  ASSERT_EQ(::send(two.client.get(), "ab", 2, 0), 2);
  ASSERT_EQ(::send(two.client.get(), "!", 1, MSG_OOB), 1);
  ASSERT_EQ(::send(two.client.get(), "cd", 2, 0), 2);
  std::string got;
  std::array<char, 16> bytes{};
  for (int round = 0; round < 1000 && got.size() < 5; ++round) {
    two.poll(kMoment);
    const ssize_t count = ::recv(two.upstream.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) got.append(bytes.data(), static_cast<std::size_t>(count));
  }
  EXPECT_EQ(got, "ab!cd");
  EXPECT_EQ(two.calls(Syscall::kReceive), 0U);
}

TEST_F(UringRelayTest, AHalfThatIsClosedComesBehindItsBytesAndTheOtherHalfGoesOn) {
  socket::TwoSides two("io_uring");
  ASSERT_EQ(::send(two.client.get(), "last", 4, 0), 4);
  ASSERT_EQ(::shutdown(two.client.get(), SHUT_WR), 0);
  for (int round = 0; round < 1000 && two.progress.half_closed.count() == 0; ++round) {
    two.poll(kMoment);
  }
  ASSERT_NE(two.progress.half_closed.count(), 0);
  EXPECT_EQ(two.progress.first_closed, Direction::kToUpstream);
  std::array<char, 16> bytes{};
  ASSERT_EQ(::recv(two.upstream.get(), bytes.data(), bytes.size(), 0), 4);
  ASSERT_EQ(::recv(two.upstream.get(), bytes.data(), bytes.size(), 0), 0);
  ASSERT_EQ(::send(two.upstream.get(), "answer", 6, 0), 6);
  two.upstream.close();
  for (int round = 0; round < 1000 && two.events.empty(); ++round) two.poll(kMoment);
  ASSERT_EQ(two.events.size(), 1U);
  EXPECT_EQ(two.events[0].relay_end, RelayEnd::kBothClosed);
  two.poll(base::Nanos{0});  // Closes by request.
  EXPECT_EQ(::recv(two.client.get(), bytes.data(), bytes.size(), 0), 6);
  EXPECT_EQ(::recv(two.client.get(), bytes.data(), bytes.size(), 0), 0);
  EXPECT_EQ(two.progress.bytes[0], 4U);
  EXPECT_EQ(two.progress.bytes[1], 6U);
}

TEST_F(UringRelayTest, AResetOfTheClientComesBehindItsBytes) {
  Crowd crowd({.relays = 1});
  Crowd::Pair& pair = crowd.pairs[0];
  crowd.send(0, 10'000);
  socket::reset_on_close(pair.client.get());
  for (int round = 0; round < 1000 && crowd.stats().held_bytes == 0; ++round) crowd.poll();
  ASSERT_GT(crowd.stats().held_bytes, 0U);
  pair.client.close();
  ASSERT_TRUE(poll_to_end(crowd));
  EXPECT_EQ(end_of(crowd)->relay_end, RelayEnd::kClientReset);
  crowd.receive(0);
  EXPECT_EQ(pair.got, 10'000U);
  EXPECT_FALSE(pair.wrong);
  EXPECT_EQ(crowd.stats().buffers_in_use, 0U);
  EXPECT_EQ(crowd.stats().held_bytes, 0U);
}

// What the kernel's receive misses is a race between it and the client's packets, so there are many
// clients, on a thread of their own. It missed 1 to 6 of the 400 in each of eight runs here, and
// without the looks those relays never end.
TEST_F(UringRelayTest, NoResetBehindABurstIsMissedForLong) {
  const std::size_t relays = Crowd::affordable(400);
  Crowd crowd({.relays = relays});
  for (const Crowd::Pair& pair : crowd.pairs) socket::reset_on_close(pair.client.get());
  std::thread clients([&crowd] {
    constexpr std::size_t kBurst = 170 * kReceiveBytes;  // More than the receive takes in one run.
    for (std::size_t i = 0; i < crowd.pairs.size(); ++i) {
      crowd.send(i, kBurst);
      crowd.pairs[i].client.close();
    }
  });
  const base::Nanos limit = base::monotonic_now() + std::chrono::seconds(60);
  while (crowd.count(EventKind::kRelayDone) < relays && base::monotonic_now() < limit) {
    crowd.poll(kMoment);
    for (std::size_t i = 0; i < relays; ++i) crowd.receive(i);
  }
  clients.join();
  EXPECT_EQ(crowd.count(EventKind::kRelayDone), relays);
  EXPECT_EQ(std::ranges::count(crowd.events, RelayEnd::kClientReset, &Event::relay_end),
            static_cast<std::ptrdiff_t>(relays));
  EXPECT_TRUE(std::ranges::none_of(crowd.pairs, &Crowd::Pair::wrong));
  EXPECT_EQ(crowd.stats().held_bytes, 0U);
  RecordProperty("missed", std::to_string(crowd.stats().resets_missed));
}

TEST_F(UringRelayTest, AReceiverThatIsGoneWhileASendIsOnItsWayEndsTheRelay) {
  Crowd crowd({.relays = 1});
  Crowd::Pair& pair = crowd.pairs[0];
  crowd.send(0, 1000);
  for (int round = 0; round < 1000 && crowd.stats().held_bytes == 0; ++round) crowd.poll();
  ASSERT_EQ(crowd.stats().held_bytes, 1000U);
  socket::reset_on_close(pair.upstream.get());
  pair.upstream.close();
  ASSERT_TRUE(poll_to_end(crowd));
  EXPECT_EQ(end_of(crowd)->relay_end, RelayEnd::kUpstreamReset);
  EXPECT_EQ(pair.progress.bytes[0], 0U) << "nobody got them";
  char byte = 0;
  EXPECT_EQ(::recv(pair.client.get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
  for (int round = 0; round < 3; ++round) crowd.poll(kMoment);
  EXPECT_EQ(crowd.stats().buffers_in_use, 0U);
  EXPECT_EQ(crowd.stats().held_bytes, 0U);
}

TEST_F(UringRelayTest, MoreRelaysThanRequestsFitBeginAndEndTogether) {
  constexpr std::size_t kRelays = kSubmissionEntries + 50;  // Two receives for each.
  Crowd crowd({.relays = kRelays, .sent_before = 100});
  EXPECT_TRUE(crowd.finish(100));
  for (const Crowd::Pair& pair : crowd.pairs) crowd.transport->abort(pair.relay);
  for (int round = 0; round < 100 && crowd.count(EventKind::kRelayDone) < kRelays; ++round) {
    crowd.poll(kMoment);
  }
  EXPECT_EQ(crowd.count(EventKind::kRelayDone), kRelays);
  EXPECT_EQ(crowd.stats().connections, 0U);
}

}  // namespace
}  // namespace backends::io_uring
