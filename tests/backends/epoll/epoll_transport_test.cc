#include "backends/epoll/epoll_transport.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/backends/socket/two_sides.h"

namespace backends::epoll {
namespace {

TEST(EpollTransport, AnIdleRelayMakesNoCallsButThePoll) {
  socket::TwoSides two;
  for (int round = 0; round < 10; ++round) two.poll(std::chrono::milliseconds(1));
  const auto before = two.transport->stats().syscalls;
  for (int round = 0; round < 10; ++round) two.poll(std::chrono::milliseconds(1));
  auto expected = before;
  expected[static_cast<std::size_t>(Syscall::kPoll)] += 10;
  EXPECT_EQ(two.transport->stats().syscalls, expected);
}

// accept4, epoll_ctl; socket, two options, connect, epoll_ctl: what a session costs before its
// first byte, and nothing that could be saved.
TEST(EpollTransport, ASessionIsSetUpWithoutSuperfluousCalls) {
  socket::TwoSides two;
  EXPECT_LE(two.calls(Syscall::kAccept), 2U);   // One client, one EAGAIN.
  EXPECT_EQ(two.calls(Syscall::kConnect), 2U);  // socket(2) and connect(2).
  // The listener's epoll_ctl, two for the connections, SO_OOBINLINE and TCP_NODELAY.
  EXPECT_EQ(two.calls(Syscall::kOption), 5U);
  EXPECT_EQ(two.calls(Syscall::kReceive), 0U);
}

}  // namespace
}  // namespace backends::epoll
