#include "backends/socket/socket_options.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>

namespace backends::socket {
namespace {

struct Pair {
  base::UniqueFd one;
  base::UniqueFd other;
};

// Two ends of one connection over loopback; `other` is the accepted one.
Pair connected_pair() {
  const base::UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  const base::RawAddress any = base::to_raw(base::parse_address("127.0.0.1:0").value());
  EXPECT_EQ(::bind(listener.get(), any.get(), any.size), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  const base::RawAddress raw = base::to_raw(local_of(listener.get()));
  Pair pair;
  pair.one = base::UniqueFd(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(::connect(pair.one.get(), raw.get(), raw.size), 0);
  pair.other = base::UniqueFd(::accept(listener.get(), nullptr, nullptr));
  return pair;
}

TEST(SocketOptions, BothEndsAgreeOnTheirNames) {
  const Pair pair = connected_pair();
  EXPECT_EQ(local_of(pair.one.get()), peer_of(pair.other.get()));
  EXPECT_EQ(peer_of(pair.one.get()), local_of(pair.other.get()));
  EXPECT_FALSE(connected_to_itself(pair.one.get()));
}

TEST(SocketOptions, AnUnconnectedSocketHasNoPeer) {
  const auto fd = open_stream(base::Family::kV4);
  ASSERT_TRUE(fd);
  EXPECT_EQ(peer_of(fd->get()).family(), base::Family::kNone);
}

TEST(SocketOptions, ASocketThatMetItselfIsRecognised) {
  const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  const base::RawAddress any = base::to_raw(base::parse_address("127.0.0.1:0").value());
  ASSERT_EQ(::bind(fd.get(), any.get(), any.size), 0);
  const base::RawAddress itself = base::to_raw(local_of(fd.get()));
  ASSERT_EQ(::connect(fd.get(), itself.get(), itself.size), 0);
  EXPECT_TRUE(connected_to_itself(fd.get()));
}

TEST(SocketOptions, AliveUntilTheOtherEndLeavesEvenBehindUnreadBytes) {
  const Pair pair = connected_pair();
  EXPECT_TRUE(alive(pair.one.get()));
  ASSERT_EQ(::send(pair.other.get(), "x", 1, 0), 1);
  EXPECT_TRUE(alive(pair.one.get()));
  ASSERT_EQ(::shutdown(pair.other.get(), SHUT_WR), 0);
  EXPECT_FALSE(alive(pair.one.get()));
}

TEST(SocketOptions, AResetCloseReachesTheOtherEndAndItsErrorIsToldOnce) {
  Pair pair = connected_pair();
  reset_on_close(pair.other.get());
  pair.other.close();
  EXPECT_FALSE(alive(pair.one.get()));
  EXPECT_EQ(take_error(pair.one.get()), base::to_errno(ECONNRESET));
  EXPECT_EQ(take_error(pair.one.get()), base::Errno::kNone);
}

TEST(SocketOptions, BytesThatTheOtherTcpHasAreNoLongerOurs) {
  const Pair pair = connected_pair();
  EXPECT_EQ(unacknowledged(pair.one.get()), 0U);
  // More than the receiver takes while it does not read.
  const std::string much(16U << 20U, 'x');
  const ssize_t sent = ::send(pair.one.get(), much.data(), much.size(), MSG_DONTWAIT);
  ASSERT_GT(sent, 0);
  EXPECT_GT(unacknowledged(pair.one.get()), 0U);
}

TEST(SocketOptions, AnUrgentByteStaysInItsPlace) {
  const Pair pair = connected_pair();
  set_tcp_options(pair.one.get(), base::Family::kV4, {});
  ASSERT_EQ(::send(pair.other.get(), "ab", 2, 0), 2);
  ASSERT_EQ(::send(pair.other.get(), "!", 1, MSG_OOB), 1);
  ASSERT_EQ(::send(pair.other.get(), "cd", 2, 0), 2);
  std::string got;
  std::array<char, 16> bytes{};
  while (got.size() < 5) {
    const ssize_t count = ::recv(pair.one.get(), bytes.data(), bytes.size(), 0);
    ASSERT_GT(count, 0);
    got.append(bytes.data(), static_cast<std::size_t>(count));
  }
  EXPECT_EQ(got, "ab!cd");
}

TEST(SocketOptions, CostOneCallForEachOptionThatIsSet) {
  const auto fd = open_stream(base::Family::kV4);
  ASSERT_TRUE(fd);
  EXPECT_EQ(set_tcp_options(fd->get(), base::Family::kV4, {.nodelay = true}), 2U);
  const auto unix_fd = open_stream(base::Family::kUnix);
  ASSERT_TRUE(unix_fd);
  EXPECT_EQ(set_tcp_options(unix_fd->get(), base::Family::kUnix, {.nodelay = true}), 0U);
}

TEST(SocketOptions, AConnectionThatWasNotRedirectedHasNoOtherDestination) {
  const Pair pair = connected_pair();
  const auto original = original_destination(pair.other.get(), base::Family::kV4);
  ASSERT_FALSE(original);
  EXPECT_EQ(original.error(), base::to_errno(ENOENT));
}

TEST(SocketOptions, TheEphemeralPortsAreTheKernels) {
  const PortRange range = ephemeral_ports();
  EXPECT_LT(range.low, range.high);
  const Pair pair = connected_pair();
  EXPECT_TRUE(range.contains(local_of(pair.one.get()).ip.port));
  EXPECT_FALSE(range.contains(0));
}

TEST(SocketOptions, LooksForBytesWithoutTakingThem) {
  Pair pair = connected_pair();
  ASSERT_EQ(::fcntl(pair.one.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(look_for_bytes(pair.one.get()), base::to_errno(EAGAIN));
  ASSERT_EQ(::send(pair.other.get(), "x", 1, MSG_NOSIGNAL), 1);
  for (int twice = 0; twice < 2; ++twice) {
    EXPECT_EQ(look_for_bytes(pair.one.get()), base::Errno::kNone);
  }
  reset_on_close(pair.other.get());
  pair.other.close();
  char byte = 0;
  EXPECT_EQ(::recv(pair.one.get(), &byte, 1, 0), 1);
  EXPECT_EQ(look_for_bytes(pair.one.get()), base::to_errno(ECONNRESET));
}

TEST(SocketOptions, AFinIsSomethingToRead) {
  Pair pair = connected_pair();
  pair.other.close();
  EXPECT_EQ(look_for_bytes(pair.one.get()), base::Errno::kNone);
}

TEST(SocketOptions, ThePathOfATcpConnectionHasARoundTripTime) {
  const Pair pair = connected_pair();
  EXPECT_GT(path_facts(pair.one.get()).rtt_us, 0U);
  const auto local = open_stream(base::Family::kUnix);
  ASSERT_TRUE(local);
  EXPECT_EQ(path_facts(local->get()).rtt_us, 0U);
}

}  // namespace
}  // namespace backends::socket
