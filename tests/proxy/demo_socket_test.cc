#include "proxy/demo_socket.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>

namespace {

using namespace std::chrono_literals;

TEST(DemoSocket, ListensOnAPortOfTheKernelsChoiceAndConnects) {
  const auto listener = proxy::listen_on_loopback();
  ASSERT_TRUE(listener);
  const base::Address address = proxy::address_of(listener->get());
  EXPECT_EQ(base::ip_to_string(address.ip), "127.0.0.1");
  EXPECT_NE(address.ip.port, 0);
  EXPECT_TRUE(proxy::connect_within(address, 5s));
}

TEST(DemoSocket, SaysWhyAConnectFailed) {
  auto listener = proxy::listen_on_loopback();
  ASSERT_TRUE(listener);
  const base::Address address = proxy::address_of(listener->get());
  listener->close();
  const auto fd = proxy::connect_within(address, 5s);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error(), base::to_errno(ECONNREFUSED));
}

TEST(DemoSocket, TellsBlockedFromEndedFromBroken) {
  const auto listener = proxy::listen_on_loopback();
  ASSERT_TRUE(listener);
  const auto client = proxy::connect_within(proxy::address_of(listener->get()), 5s);
  ASSERT_TRUE(client);
  std::array<char, 8> buffer{};
  EXPECT_EQ(proxy::receive_some(client->get(), buffer).state, proxy::IoState::kBlocked);

  proxy::DemoPoller poller;
  ASSERT_TRUE(poller.add(client->get(), EPOLLIN, 77));
  std::array<epoll_event, 4> events{};
  EXPECT_EQ(poller.wait(events, 0ns), 0U);
  base::UniqueFd accepted(accept(listener->get(), nullptr, nullptr));
  ASSERT_TRUE(accepted);
  ASSERT_EQ(proxy::send_some(accepted.get(), std::string("hi")).bytes, 2U);
  accepted.close();
  ASSERT_EQ(poller.wait(events, 5s), 1U);
  EXPECT_EQ(events[0].data.u64, 77U);
  const auto got = proxy::receive_some(client->get(), buffer);
  EXPECT_EQ(got.state, proxy::IoState::kMoved);
  EXPECT_EQ(got.bytes, 2U);
  ASSERT_EQ(poller.wait(events, 5s), 1U);
  EXPECT_EQ(proxy::receive_some(client->get(), buffer).state, proxy::IoState::kEnd);
  EXPECT_EQ(proxy::receive_some(-1, buffer).state, proxy::IoState::kFailed);
}

}  // namespace
