// Sockets of a service manager: taken by address, the rest named and closed.
#include "base/inherited_sockets.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

namespace base {
namespace {

UniqueFd listening() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::listen(fd.get(), 1), 0);
  return fd;
}

Address local(const UniqueFd& fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size), 0);
  return from_raw(storage, size);
}

TEST(InheritedSockets, AreTakenByTheirAddressOnce) {
  InheritedSockets inherited;
  UniqueFd fd = listening();
  const Address address = local(fd);
  inherited.add(std::move(fd), "web.socket");
  EXPECT_TRUE(inherited.has(address));
  EXPECT_FALSE(inherited.has(parse_address("127.0.0.1:1").value()));
  EXPECT_TRUE(inherited.take(parse_address("127.0.0.1:1").value()).empty());
  const auto taken = inherited.take(address);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_NE(::fcntl(taken[0].get(), F_GETFL) & O_NONBLOCK, 0) << "accept must not wait";
  EXPECT_FALSE(inherited.has(address));
  EXPECT_TRUE(inherited.empty());
}

TEST(InheritedSockets, WhatIsLeftIsNamedAndClosed) {
  InheritedSockets inherited;
  UniqueFd fd = listening();
  const Address address = local(fd);
  const int number = fd.get();
  inherited.add(std::move(fd), "web.socket");
  UniqueFd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::string other = std::to_string(datagrams.get());
  inherited.add(std::move(datagrams), "dns.socket");
  const auto rest = inherited.close_rest();
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0],
            "'web.socket', descriptor " + std::to_string(number) + ", at " + to_string(address));
  EXPECT_EQ(rest[1], "'dns.socket', descriptor " + other + ", which is no listening stream socket");
  EXPECT_LT(::fcntl(number, F_GETFD), 0);
  EXPECT_TRUE(inherited.empty());
}

TEST(InheritedSockets, AStreamSocketThatDoesNotListenIsOfNoUse) {
  InheritedSockets inherited;
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address address = local(fd);
  inherited.add(std::move(fd), "x");
  EXPECT_FALSE(inherited.has(address));
}

// In a child, because the descriptors begin at 3 and the variables are taken away.
int in_child(const char* fds, bool for_us, int (*look)(Parsed<InheritedSockets>&)) {
  const pid_t child = ::fork();
  if (child == 0) {
    const UniqueFd socket = listening();
    if (socket.get() != 3) ::dup2(socket.get(), 3);
    ::setenv("LISTEN_FDS", fds, 1);
    ::setenv("LISTEN_FDNAMES", "web", 1);
    ::setenv("LISTEN_PID", std::to_string(for_us ? ::getpid() : 1).c_str(), 1);
    Parsed<InheritedSockets> all = InheritedSockets::of_environment();
    ::_exit(look(all));
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(InheritedSockets, ComeByTheEnvironmentWhenTheyAreForThisProcess) {
  EXPECT_EQ(in_child("1", true,
                     [](Parsed<InheritedSockets>& all) {
                       const auto rest = all.value().close_rest();
                       const bool good = rest.size() == 1 && rest[0].starts_with("'web', ") &&
                                         ::getenv("LISTEN_FDS") == nullptr;
                       return good ? 0 : 1;
                     }),
            0);
  EXPECT_EQ(
      in_child("1", false, [](Parsed<InheritedSockets>& all) { return all->empty() ? 0 : 1; }), 0);
  EXPECT_EQ(in_child("rubbish", true, [](Parsed<InheritedSockets>& all) { return all ? 1 : 0; }),
            0);
}

}  // namespace
}  // namespace base
