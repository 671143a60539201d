#include "proxy/demo_upstream.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>

#include "proxy/demo_socket.h"

namespace {

using namespace std::chrono_literals;

// Everything until the end of file; bounded in time.
std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 65536> buffer{};
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  while (poll(&readable, 1, 10'000) > 0) {
    const auto got = proxy::receive_some(fd, buffer);
    if (got.state != proxy::IoState::kMoved) {
      EXPECT_EQ(got.state, proxy::IoState::kEnd);
      return text;
    }
    text.append(buffer.data(), got.bytes);
  }
  ADD_FAILURE() << "no end of file";
  return text;
}

TEST(DemoUpstream, EchoesOnEachOfItsPortsAndEndsWhenTheClientDoes) {
  const auto upstream = proxy::DemoUpstream::start(3, 8);
  ASSERT_TRUE(upstream);
  ASSERT_EQ((*upstream)->addresses().size(), 3U);
  for (const base::Address& address : (*upstream)->addresses()) {
    const auto fd = proxy::connect_within(address, 5s);
    ASSERT_TRUE(fd);
    ASSERT_EQ(proxy::send_some(fd->get(), std::string("hello")).bytes, 5U);
    ASSERT_EQ(shutdown(fd->get(), SHUT_WR), 0);
    EXPECT_EQ(read_to_end(fd->get()), "hello");
  }
}

TEST(DemoUpstream, OwesNothingToAClientThatReadsLate) {
  const auto upstream = proxy::DemoUpstream::start(1, 8);
  ASSERT_TRUE(upstream);
  const auto fd = proxy::connect_within((*upstream)->addresses()[0], 5s);
  ASSERT_TRUE(fd);
  // Sends until nothing more goes: the upstream cannot send either, because nobody reads here.
  std::string sent;
  const std::string piece(100'000, 'x');
  pollfd writable{.fd = fd->get(), .events = POLLOUT, .revents = 0};
  while (poll(&writable, 1, 200) > 0) {
    const auto result = proxy::send_some(fd->get(), piece);
    ASSERT_NE(result.state, proxy::IoState::kFailed);
    sent.append(piece, 0, result.bytes);
  }
  ASSERT_GT(sent.size(), piece.size());
  ASSERT_EQ(shutdown(fd->get(), SHUT_WR), 0);
  EXPECT_EQ(read_to_end(fd->get()).size(), sent.size());
}

TEST(DemoUpstream, TurnsAwayMoreConnectionsThanItWasMadeFor) {
  const auto upstream = proxy::DemoUpstream::start(1, 1);
  ASSERT_TRUE(upstream);
  const auto first = proxy::connect_within((*upstream)->addresses()[0], 5s);
  ASSERT_TRUE(first);
  ASSERT_EQ(proxy::send_some(first->get(), std::string("1")).bytes, 1U);
  pollfd readable{.fd = first->get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&readable, 1, 10'000), 1);  // The first one is served by now.
  const auto second = proxy::connect_within((*upstream)->addresses()[0], 5s);
  ASSERT_TRUE(second);
  EXPECT_EQ(read_to_end(second->get()), "");
}

}  // namespace
