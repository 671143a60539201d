#include "backends/epoll/epoll_transport.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "tests/backends/epoll/two_sides.h"

namespace backends::epoll {
namespace {

TEST(EpollTransport, SaysWhereItsTimeWent) {
  TwoSides two;
  const base::Nanos before = two.transport->stats().waited;
  two.poll(std::chrono::milliseconds(30));
  EXPECT_GE(two.transport->stats().waited - before, std::chrono::milliseconds(25));
  const base::Nanos idle = two.transport->stats().waited;
  two.poll(base::Nanos{0});
  EXPECT_EQ(two.transport->stats().waited, idle);
}

TEST(EpollTransport, AnIdleRelayMakesNoCallsButThePoll) {
  TwoSides two;
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
  TwoSides two;
  EXPECT_LE(two.calls(Syscall::kAccept), 2U);   // One client, one EAGAIN.
  EXPECT_EQ(two.calls(Syscall::kConnect), 2U);  // socket(2) and connect(2).
  // The listener's epoll_ctl, two for the connections, SO_OOBINLINE and TCP_NODELAY.
  EXPECT_EQ(two.calls(Syscall::kOption), 5U);
  EXPECT_EQ(two.calls(Syscall::kReceive), 0U);
}

TEST(EpollTransport, AConnectionComesFromTheAskedSource) {
  const auto factory = std::move(*make_transport_factory("epoll"));
  const auto transport = factory->make({}).value();
  const base::UniqueFd service(::socket(AF_INET, SOCK_STREAM, 0));
  const base::RawAddress any = base::to_raw(base::parse_address("127.0.0.1:0").value());
  ASSERT_EQ(::bind(service.get(), any.get(), any.size), 0);
  ASSERT_EQ(::listen(service.get(), 1), 0);
  ConnectSpec spec;
  spec.remote = socket::local_of(service.get());
  const std::array sources = {base::parse_address("127.0.0.9:0").value().ip};
  spec.sources = sources;
  const Connection connection = transport->connect(spec, {});
  const base::UniqueFd accepted(::accept(service.get(), nullptr, nullptr));
  ASSERT_TRUE(accepted);
  EXPECT_EQ(base::ip_to_string(socket::peer_of(accepted.get()).ip), "127.0.0.9");
  EXPECT_EQ(base::ip_to_string(transport->local(connection.id()).ip), "127.0.0.9");
}

TEST(EpollTransport, ASourceThatIsNotOursFailsTheConnect) {
  const auto factory = std::move(*make_transport_factory("epoll"));
  const auto transport = factory->make({}).value();
  ConnectSpec spec;
  spec.remote = base::parse_address("127.0.0.1:9").value();
  const std::array sources = {base::parse_address("192.0.2.1:0").value().ip};
  spec.sources = sources;
  const Connection connection = transport->connect(spec, {});
  const auto events = transport->poll(base::Nanos{0});
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EventKind::kConnected);
  EXPECT_EQ(events[0].error, base::to_errno(EADDRNOTAVAIL));
}

}  // namespace
}  // namespace backends::epoll
