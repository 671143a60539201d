#include "backends/socket/listener_socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "backends/socket/socket_options.h"

namespace backends::socket {
namespace {

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

base::UniqueFd connect_blocking(const base::Address& address) {
  base::UniqueFd fd(::socket(domain_of(address.family()), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const base::RawAddress raw = base::to_raw(address);
  if (::connect(fd.get(), raw.get(), raw.size) != 0) return {};
  return fd;
}

base::UniqueFd accept_one(int listener) {
  pollfd ready{.fd = listener, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ready, 1, 5000), 1);
  return base::UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

class ListenerSocket : public testing::TestWithParam<const char*> {
 protected:
  ListenSpec spec() const {
    ListenSpec spec;
    spec.address = base::parse_address(GetParam()).value();
    return spec;
  }
};

// What the engine relies on to save the calls for each client.
TEST_P(ListenerSocket, AcceptedSocketsInheritTheOptions) {
  ListenSpec with = spec();
  with.tcp = {.nodelay = true,
              .keepalive_idle = std::chrono::seconds(61),
              .keepalive_interval = std::chrono::seconds(11),
              .keepalive_probes = 4,
              .user_timeout = std::chrono::milliseconds(12345)};
  const auto listener = open_listener(with);
  ASSERT_TRUE(listener);
  const base::UniqueFd client = connect_blocking(local_of(listener->get()));
  ASSERT_TRUE(client);
  const base::UniqueFd accepted = accept_one(listener->get());
  ASSERT_TRUE(accepted);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(accepted.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPIDLE), 61);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPINTVL), 11);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPCNT), 4);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 12345);
  EXPECT_EQ(option(accepted.get(), SOL_SOCKET, SO_OOBINLINE), 1);
}

TEST_P(ListenerSocket, WhatIsNotAskedForKeepsTheSystemsDefault) {
  ListenSpec without = spec();
  without.tcp.nodelay = false;
  const auto listener = open_listener(without);
  ASSERT_TRUE(listener);
  EXPECT_EQ(option(listener->get(), IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(option(listener->get(), SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(listener->get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
}

TEST_P(ListenerSocket, RefusingNewClientsKeepsThoseInTheQueue) {
  const auto listener = open_listener(spec());
  ASSERT_TRUE(listener);
  const base::Address address = local_of(listener->get());
  std::vector<base::UniqueFd> queued;
  queued.reserve(10);
  for (int i = 0; i < 10; ++i) queued.push_back(connect_blocking(address));
  refuse_new_clients(listener->get());

  const base::UniqueFd late = connect_blocking(address);
  EXPECT_FALSE(late) << "its SYN reached the listener";

  for (const base::UniqueFd& client : queued) {
    ASSERT_TRUE(client);
    EXPECT_TRUE(accept_one(listener->get()));
  }
  EXPECT_FALSE(base::UniqueFd(::accept(listener->get(), nullptr, nullptr)));
}

// The kernel chooses in a group without asking which of its sockets refuse.
TEST_P(ListenerSocket, OneThatRefusesGetsNobodyFromItsGroup) {
  const auto refusing = open_listener(spec());
  ASSERT_TRUE(refusing);
  const base::Address address = local_of(refusing->get());
  ListenSpec same = spec();
  same.address = address;
  const auto other = open_listener(same);
  ASSERT_TRUE(other);
  refuse_new_clients(refusing->get());

  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(
        ::socket(domain_of(address.family()), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const base::RawAddress raw = base::to_raw(address);
    static_cast<void>(::connect(clients.back().get(), raw.get(), raw.size));
  }
  EXPECT_TRUE(accept_one(other->get()));
  pollfd asked{.fd = refusing->get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&asked, 1, 0), 0);
}

TEST_P(ListenerSocket, AnAddressThatIsNotOursIsRefused) {
  ListenSpec foreign = spec();
  foreign.address =
      base::parse_address(foreign.address.family() == base::Family::kV4 ? "192.0.2.1:0"
                                                                        : "[2001:db8::1]:0")
          .value();
  const auto refused = open_listener(foreign);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), base::to_errno(EADDRNOTAVAIL));
}

INSTANTIATE_TEST_SUITE_P(Families, ListenerSocket, testing::Values("127.0.0.1:0", "[::1]:0"),
                         [](const auto& parameter) {
                           return std::string(parameter.index == 0 ? "v4" : "v6");
                         });

TEST(ListenerSocketV6, IsDualStackUnlessToldOtherwise) {
  ListenSpec spec;
  spec.address = base::parse_address("[::]:0").value();
  const auto dual = open_listener(spec);
  ASSERT_TRUE(dual);
  const auto v4_of = [](int fd) {
    return base::parse_address("127.0.0.1:" + std::to_string(local_of(fd).ip.port)).value();
  };
  EXPECT_TRUE(connect_blocking(v4_of(dual->get())));
  spec.v6_only = true;
  const auto only = open_listener(spec);
  ASSERT_TRUE(only);
  EXPECT_FALSE(connect_blocking(v4_of(only->get())));
}

TEST(AcceptErrors, AreSortedByWhatToDoNext) {
  const auto advice = [](int code) { return classify_accept_error(base::to_errno(code)).advice; };
  EXPECT_EQ(advice(EAGAIN), AcceptAdvice::kEmpty);
  for (const int code : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    EXPECT_EQ(advice(code), AcceptAdvice::kStop) << code;
  }
  for (const int code : {ECONNABORTED, EINTR, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH}) {
    EXPECT_EQ(advice(code), AcceptAdvice::kNext) << code;
  }
  EXPECT_EQ(classify_accept_error(base::to_errno(EMFILE)).failure, AcceptFailure::kDescriptors);
  EXPECT_EQ(classify_accept_error(base::to_errno(ENOMEM)).failure, AcceptFailure::kMemory);
  EXPECT_EQ(classify_accept_error(base::to_errno(ECONNABORTED)).failure, AcceptFailure::kAborted);
}

}  // namespace
}  // namespace backends::socket
