#include "backends/io_uring/uring_transport.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include "backends/socket/listeners.h"
#include "tests/backends/io_uring/crowd.h"
#include "tests/backends/io_uring/uring_fixture.h"

namespace backends::io_uring {
namespace {

constexpr base::Nanos kMoment = std::chrono::milliseconds(1);

class UringTransportTest : public UringTest {};

// How the other end of a connection left: 0 for FIN, an errno, or -1 when it has not.
int how_it_left(const base::UniqueFd& far_end, int wait_ms = 0) {
  pollfd end{.fd = far_end.get(), .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, wait_ms) == 0) return -1;
  char byte = 0;
  return ::recv(far_end.get(), &byte, 1, MSG_DONTWAIT) == 0 ? 0 : errno;
}

void poll_often(Crowd& crowd) {
  for (int round = 0; round < 20; ++round) crowd.poll(kMoment);
}

TEST_F(UringTransportTest, AnIdleRelayMakesNoCallsButEnterAndHoldsNothing) {
  Crowd crowd({.relays = 10});
  crowd.send(0, 100);
  ASSERT_TRUE(crowd.pairs[0].sent == 100);
  poll_often(crowd);
  const auto before = crowd.stats();
  poll_often(crowd);
  auto expected = before.syscalls;
  const auto enter = static_cast<std::size_t>(Syscall::kEnter);
  expected[enter] = crowd.stats().syscalls[enter];
  EXPECT_EQ(crowd.stats().syscalls, expected);
  EXPECT_LE(expected[enter] - before.syscalls[enter], 40U);
  EXPECT_EQ(crowd.stats().submissions, before.submissions);
  EXPECT_EQ(crowd.stats().buffers_in_use, 0U);
  EXPECT_EQ(crowd.stats().held_bytes, 0U);
}

TEST_F(UringTransportTest, AClosedConnectionFreesItsSocketAndItsSlotWhileItIsWatched) {
  TransportOptions options;
  options.connections_max = 4;
  Crowd crowd({.relays = 0, .transport = options});
  const int next = next_descriptor();
  for (const CloseMode mode : {CloseMode::kReset, CloseMode::kGraceful}) {
    for (int session = 0; session < 50; ++session) {
      base::UniqueFd far_end;
      Connection connection = crowd.connect_upstream(far_end);
      ASSERT_TRUE(connection) << session;
      for (int round = 0; round < 4; ++round) crowd.poll(kMoment);  // Connected, then watched.
      connection.close(mode);
      EXPECT_EQ(crowd.stats().connections, 0U);
      crowd.poll(kMoment);
      EXPECT_EQ(how_it_left(far_end, 5000), mode == CloseMode::kReset ? ECONNRESET : 0);
    }
  }
  EXPECT_EQ(next_descriptor(), next);
  EXPECT_EQ(crowd.count(EventKind::kConnected), 100U);
  EXPECT_EQ(crowd.count(EventKind::kPeerClosed), 0U);
}

TEST_F(UringTransportTest, AnAbortedRelayTakesItsReceivesBackAndResetsBothSides) {
  Crowd crowd({.relays = 1});
  poll_often(crowd);
  const std::uint64_t before = crowd.stats().cancellations;
  crowd.transport->abort(crowd.pairs[0].relay);
  poll_often(crowd);
  EXPECT_GE(crowd.stats().cancellations, before + 2) << "one receive on each side";
  EXPECT_EQ(crowd.count(EventKind::kRelayDone), 1U);
  EXPECT_EQ(how_it_left(crowd.pairs[0].client, 5000), ECONNRESET);
  EXPECT_EQ(how_it_left(crowd.pairs[0].upstream, 5000), ECONNRESET);
  EXPECT_EQ(crowd.stats().connections, 0U);
  EXPECT_EQ(crowd.stats().relays, 0U);
}

// What was received goes out by a request that is handed over in the next poll; its descriptor may
// be somebody else's number by then only if the close did not wait for it.
TEST_F(UringTransportTest, ASendOfAnAbortedRelayDoesNotReachWhoeverConnectsNext) {
  Crowd crowd({.relays = 1});
  Crowd::Pair& pair = crowd.pairs[0];
  crowd.send(0, 1000);
  for (int round = 0; round < 1000 && crowd.stats().held_bytes == 0; ++round) crowd.poll();
  ASSERT_EQ(crowd.stats().held_bytes, 1000U) << "received, and not handed over";
  crowd.transport->abort(pair.relay);
  std::array<base::UniqueFd, 4> far_ends;
  std::array<Connection, 4> connections;
  for (std::size_t i = 0; i < connections.size(); ++i) {
    connections[i] = crowd.connect_upstream(far_ends[i]);
    if (i >= 1) poll_often(crowd);
  }
  for (const base::UniqueFd& far_end : far_ends) EXPECT_EQ(how_it_left(far_end), -1);
  EXPECT_EQ(how_it_left(pair.client, 5000), ECONNRESET);
  EXPECT_EQ(crowd.stats().held_bytes, 0U);
  EXPECT_EQ(crowd.stats().buffers_in_use, 0U);
  const auto end = std::ranges::find(crowd.events, EventKind::kRelayDone, &Event::kind);
  ASSERT_NE(end, crowd.events.end());
  EXPECT_EQ(end->relay_end, RelayEnd::kAborted);
}

TEST_F(UringTransportTest, ItsEndClosesEverythingPromptly) {
  constexpr std::size_t kRelays = 300;
  Crowd crowd({.relays = kRelays, .transport = {.receive_buffers_bytes = kBuffersBytesMin}});
  std::array<base::UniqueFd, 20> far_ends;
  std::array<Connection, 20> open;
  for (std::size_t i = 0; i < open.size(); ++i) open[i] = crowd.connect_upstream(far_ends[i]);
  const base::UniqueFd waiting_client = crowd.connect_client();
  poll_often(crowd);
  for (std::size_t i = 0; i < kRelays; ++i) crowd.send(i, 100);
  crowd.poll();  // Receives without a buffer, and sends to be handed over.
  for (Connection& connection : open) connection.release();
  const base::Nanos begin = base::monotonic_now();
  crowd.transport.reset();
  EXPECT_LT(base::monotonic_now() - begin, std::chrono::seconds(1));
  for (std::size_t i = 0; i < kRelays; ++i) {
    EXPECT_EQ(how_it_left(crowd.pairs[i].client, 5000), ECONNRESET);
    crowd.receive(i);
    EXPECT_EQ(how_it_left(crowd.pairs[i].upstream, 5000), 0) << "its reset was read with its bytes";
  }
  for (const base::UniqueFd& far_end : far_ends) EXPECT_EQ(how_it_left(far_end, 5000), ECONNRESET);
  EXPECT_NE(how_it_left(waiting_client, 5000), -1);
}

TEST_F(UringTransportTest, ClientsBeyondABurstComeInTheNextPoll) {
  Crowd crowd({.relays = 0});
  std::vector<base::UniqueFd> clients;
  for (std::size_t i = 0; i < socket::kAcceptBurst + 4; ++i) {
    clients.push_back(crowd.connect_client());
  }
  crowd.poll(kMoment);
  EXPECT_EQ(crowd.count(EventKind::kAccepted), socket::kAcceptBurst);
  crowd.poll(kMoment);
  EXPECT_EQ(crowd.count(EventKind::kAccepted), clients.size());
}

TEST_F(UringTransportTest, APausedListenerBringsNobodyEvenIfTheKernelHas) {
  Crowd crowd({.relays = 0});
  std::vector<base::UniqueFd> clients;
  for (std::size_t i = 0; i < socket::kAcceptBurst + 4; ++i) {
    clients.push_back(crowd.connect_client());
  }
  crowd.poll(kMoment);
  ASSERT_EQ(crowd.count(EventKind::kAccepted), socket::kAcceptBurst);
  crowd.transport->pause(crowd.listener, true);
  poll_often(crowd);
  EXPECT_EQ(crowd.count(EventKind::kAccepted), socket::kAcceptBurst);
  crowd.transport->pause(crowd.listener, false);
  poll_often(crowd);
  EXPECT_EQ(crowd.count(EventKind::kAccepted), clients.size());
}

TEST_F(UringTransportTest, AListenerThatGoesBringsWhoHasArrived) {
  Crowd crowd({.relays = 0});
  std::vector<base::UniqueFd> clients;
  for (std::size_t i = 0; i < 2 * socket::kAcceptBurst + 4; ++i) {
    clients.push_back(crowd.connect_client());
  }
  crowd.poll(kMoment);
  ASSERT_EQ(crowd.count(EventKind::kAccepted), socket::kAcceptBurst);
  crowd.transport->unlisten(crowd.listener);
  poll_often(crowd);
  EXPECT_EQ(crowd.count(EventKind::kAccepted), clients.size());
}

TEST_F(UringTransportTest, WhoIsInTheWorkersHandsIsWatchedForBothHalvesOfAnEnd) {
  Crowd crowd({.relays = 0});
  base::UniqueFd far_end;
  const Connection connection = crowd.connect_upstream(far_end);
  poll_often(crowd);
  ASSERT_EQ(::shutdown(far_end.get(), SHUT_WR), 0);
  poll_often(crowd);
  EXPECT_EQ(crowd.count(EventKind::kPeerClosed), 1U);
  socket::reset_on_close(far_end.get());
  far_end.close();
  poll_often(crowd);
  ASSERT_EQ(crowd.count(EventKind::kPeerClosed), 2U);
  EXPECT_EQ(crowd.events.back().error, base::to_errno(ECONNRESET));
}

TEST_F(UringTransportTest, AWakeEndsAPollOnceAndTheNextOneToo) {
  Crowd crowd({.relays = 0});
  poll_often(crowd);
  for (std::size_t wakes = 1; wakes <= 3; ++wakes) {
    crowd.transport->wake();
    crowd.transport->wake();
    crowd.poll(std::chrono::hours(1));
    EXPECT_EQ(crowd.count(EventKind::kWoken), wakes);
  }
}

}  // namespace
}  // namespace backends::io_uring
