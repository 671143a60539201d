// See socket.h.
#include "tests/bench/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/assert.h"

namespace bench {
namespace {

constexpr int kBacklog = 4096;
constexpr timeval kGreetingTimeout{.tv_sec = 10, .tv_usec = 0};

template <typename Value>
void set_option(int fd, int level, int name, const Value& value) {
  CHECK(::setsockopt(fd, level, name, &value, sizeof value) == 0);
}

base::Result<base::UniqueFd> open_socket(const base::Address& address, int flags) {
  const auto raw = base::to_raw(address);
  base::UniqueFd fd(::socket(raw.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) return base::failure_of_errno();
  if (address.family() != base::Family::kUnix) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  return fd;
}

}  // namespace

base::Result<base::UniqueFd> connect_and_greet(const base::Address& target, Purpose purpose) {
  auto fd = open_socket(target, 0);
  if (!fd) return fd;
  set_option(fd->get(), SOL_SOCKET, SO_RCVTIMEO, kGreetingTimeout);
  set_option(fd->get(), SOL_SOCKET, SO_SNDTIMEO, kGreetingTimeout);  // Bounds connect(2) as well.
  const auto raw = base::to_raw(target);
  if (::connect(fd->get(), raw.get(), raw.size) != 0) return base::failure_of_errno();
  char byte = static_cast<char>(purpose);
  if (::send(fd->get(), &byte, 1, MSG_NOSIGNAL) != 1) return base::failure_of_errno();
  const auto received = ::recv(fd->get(), &byte, 1, 0);
  if (received < 0) return base::failure_of_errno();
  if (received == 0) return base::failure(base::to_errno(ECONNRESET));
  if (byte != static_cast<char>(purpose)) return base::failure(base::to_errno(EPROTO));
  const int flags = ::fcntl(fd->get(), F_GETFL);
  CHECK(::fcntl(fd->get(), F_SETFL, flags | O_NONBLOCK) == 0);
  return fd;
}

base::Result<base::UniqueFd> start_connect(const base::Address& target) {
  auto fd = open_socket(target, SOCK_NONBLOCK);
  if (!fd) return fd;
  const auto raw = base::to_raw(target);
  if (::connect(fd->get(), raw.get(), raw.size) != 0 && errno != EINPROGRESS)
    return base::failure_of_errno();
  return fd;
}

base::Result<base::UniqueFd> listen_on(const base::Address& address) {
  auto fd = open_socket(address, SOCK_NONBLOCK);
  if (!fd) return fd;
  set_option(fd->get(), SOL_SOCKET, SO_REUSEADDR, 1);
  const auto raw = base::to_raw(address);
  if (::bind(fd->get(), raw.get(), raw.size) != 0) return base::failure_of_errno();
  if (::listen(fd->get(), kBacklog) != 0) return base::failure_of_errno();
  return fd;
}

base::Address local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0);
  return base::from_raw(storage, size);
}

void reset_on_close(int fd) { set_option(fd, SOL_SOCKET, SO_LINGER, linger{1, 0}); }

void raise_descriptor_limit() {
  rlimit limit{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) { CHECK(epoll_); }

void Poller::control(int operation, int fd, std::uint32_t events, std::uint64_t tag) {
  epoll_event event{.events = events, .data = {.u64 = tag}};
  CHECK(::epoll_ctl(epoll_.get(), operation, fd, &event) == 0);
}

std::span<const epoll_event> Poller::wait(base::Nanos longest) {
  constexpr base::Nanos::rep kNanosPerSecond = 1'000'000'000;
  const auto nanos = std::max<base::Nanos::rep>(longest.count(), 0);
  const timespec timeout{.tv_sec = nanos / kNanosPerSecond, .tv_nsec = nanos % kNanosPerSecond};
  // epoll_pwait2 because a fixed rate of 30,000/s needs steps finer than epoll_wait's milliseconds.
  const int ready = ::epoll_pwait2(epoll_.get(), events_.data(), kBatch, &timeout, nullptr);
  CHECK(ready >= 0 || errno == EINTR);
  return std::span(events_).first(static_cast<std::size_t>(std::max(ready, 0)));
}

}  // namespace bench
