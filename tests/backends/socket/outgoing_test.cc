#include "backends/socket/outgoing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "backends/socket/socket_options.h"

namespace backends::socket {
namespace {

class OutgoingTest : public testing::Test {
 protected:
  void SetUp() override {
    const base::RawAddress any = base::to_raw(base::parse_address("127.0.0.1:0").value());
    ASSERT_EQ(::bind(listener_.get(), any.get(), any.size), 0);
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
    spec_.remote = local_of(listener_.get());
  }

  static void wait_writable(int fd) {
    pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
    ASSERT_EQ(::poll(&wait, 1, 10000), 1);
  }

  static base::IpPort ip(const std::string& text) { return base::parse_address(text).value().ip; }

  // Segments that left on the connection after its SYN, the first data included.
  static std::uint32_t segments_out(int fd) {
    tcp_info info{};
    socklen_t size = sizeof(info);
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_segs_out;
  }

  base::UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ConnectSpec spec_;
  TransportStats stats_;
};

TEST_F(OutgoingTest, ConnectsWithoutWaiting) {
  const Outgoing outgoing = start_connect(spec_, false, stats_);
  ASSERT_TRUE(outgoing.fd);
  EXPECT_EQ(outgoing.error, base::Errno::kNone);
  wait_writable(outgoing.fd.get());
  const base::UniqueFd accepted(::accept(listener_.get(), nullptr, nullptr));
  EXPECT_EQ(peer_of(accepted.get()), local_of(outgoing.fd.get()));
  EXPECT_EQ(stats_.syscalls[static_cast<std::size_t>(Syscall::kConnect)], 2U);
}

TEST_F(OutgoingTest, ComesFromTheSourceThatWasAskedFor) {
  const std::array sources = {ip("127.0.0.42:0")};
  spec_.sources = sources;
  const Outgoing outgoing = start_connect(spec_, false, stats_);
  wait_writable(outgoing.fd.get());
  EXPECT_EQ(base::ip_to_string(local_of(outgoing.fd.get()).ip), "127.0.0.42");
}

TEST_F(OutgoingTest, KeepsTheSocketAndSaysWhyWhenTheSourceIsNotOurs) {
  const std::array sources = {ip("192.0.2.77:0")};
  spec_.sources = sources;
  const Outgoing outgoing = start_connect(spec_, false, stats_);
  EXPECT_TRUE(outgoing.fd);
  EXPECT_EQ(outgoing.error, base::to_errno(EADDRNOTAVAIL));
}

TEST_F(OutgoingTest, EveryConnectMayBeginWithAnotherSource) {
  const std::array sources = {ip("127.0.0.2:0"), ip("127.0.0.3:0")};
  spec_.sources = sources;
  for (std::size_t i = 0; i < 5; ++i) {
    spec_.first_source = i;
    const Outgoing outgoing = start_connect(spec_, false, stats_);
    ASSERT_EQ(outgoing.error, base::Errno::kNone);
    EXPECT_EQ(base::ip_to_string(local_of(outgoing.fd.get()).ip),
              i % 2 == 0 ? "127.0.0.2" : "127.0.0.3");
  }
  EXPECT_EQ(stats_.sources_exhausted, 0U);
}

TEST_F(OutgoingTest, PassesOverSourcesThatCannotBeUsed) {
  const std::array sources = {ip("[::1]:0"), ip("192.0.2.77:0"), ip("127.0.0.3:0")};
  spec_.sources = sources;
  const Outgoing outgoing = start_connect(spec_, false, stats_);
  EXPECT_EQ(outgoing.error, base::Errno::kNone);
  EXPECT_EQ(base::ip_to_string(local_of(outgoing.fd.get()).ip), "127.0.0.3");
}

TEST_F(OutgoingTest, SaysSoWhereNoSourceIsOfTheRemotesFamily) {
  const std::array sources = {ip("[::1]:0")};
  spec_.sources = sources;
  EXPECT_EQ(start_connect(spec_, false, stats_).error, base::to_errno(EADDRNOTAVAIL));
}

// The kernel's delayed ACK is a race of 200 ms with this test, so one probe of many is enough: the
// accept queue would have them all if their handshakes were completed.
TEST_F(OutgoingTest, AProbeThatIsResetLeavesNothingToAccept) {
  constexpr int kProbes = 8;
  spec_.probe = true;
  for (int i = 0; i < kProbes; ++i) {
    const Outgoing outgoing = start_connect(spec_, false, stats_);
    wait_writable(outgoing.fd.get());
    reset_on_close(outgoing.fd.get());
  }
  ASSERT_EQ(::fcntl(listener_.get(), F_SETFL, O_NONBLOCK), 0);
  int accepted = 0;
  while (base::UniqueFd(::accept(listener_.get(), nullptr, nullptr))) ++accepted;
  EXPECT_LT(accepted, kProbes);
}

TEST_F(OutgoingTest, SendsOnePacketLessWhenDataIsWaiting) {
  std::uint32_t segments[2] = {};
  for (const bool data_waits : {false, true}) {
    const Outgoing outgoing = start_connect(spec_, data_waits, stats_);
    wait_writable(outgoing.fd.get());
    ASSERT_EQ(::send(outgoing.fd.get(), "x", 1, MSG_NOSIGNAL), 1);
    const base::UniqueFd accepted(::accept(listener_.get(), nullptr, nullptr));
    char byte = 0;
    ASSERT_EQ(::recv(accepted.get(), &byte, 1, 0), 1);
    segments[data_waits ? 1 : 0] = segments_out(outgoing.fd.get());
  }
  EXPECT_EQ(segments[1] + 1, segments[0]);
}

}  // namespace
}  // namespace backends::socket
