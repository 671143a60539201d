#include "proxy/demo_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "base/assert.h"

namespace proxy {
namespace {

constexpr int kBacklog = 1024;

IoResult outcome_of(ssize_t moved) {
  if (moved > 0) return {.state = IoState::kMoved, .bytes = static_cast<std::size_t>(moved)};
  if (moved == 0) return {.state = IoState::kEnd};
  if (errno == EAGAIN || errno == EINTR) return {.state = IoState::kBlocked};
  return {.state = IoState::kFailed, .error = base::last_errno()};
}

int milliseconds(base::Nanos time) {
  const auto count =
      std::chrono::ceil<std::chrono::milliseconds>(std::max(time, base::Nanos{0})).count();
  return static_cast<int>(count);
}

}  // namespace

base::Result<base::UniqueFd> listen_on_loopback() {
  base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::failure_of_errno();
  const base::RawAddress any_port = base::to_raw(*base::parse_address("127.0.0.1:0"));
  if (bind(fd.get(), any_port.get(), any_port.size) != 0 || listen(fd.get(), kBacklog) != 0) {
    return base::failure_of_errno();
  }
  return fd;
}

base::Address address_of(int fd) {
  base::RawAddress raw;
  raw.size = sizeof raw.storage;
  CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&raw.storage), &raw.size) == 0);
  return base::from_raw(raw.storage, raw.size);
}

base::Result<base::UniqueFd> begin_connect(const base::Address& address) {
  const base::RawAddress raw = base::to_raw(address);
  base::UniqueFd fd(socket(raw.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::failure_of_errno();
  const int on = 1;
  if (setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    return base::failure_of_errno();
  }
  if (connect(fd.get(), raw.get(), raw.size) != 0 && errno != EINPROGRESS) {
    return base::failure_of_errno();
  }
  return fd;
}

base::Result<void> end_connect(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return base::failure_of_errno();
  if (error != 0) return base::failure(base::to_errno(error));
  return {};
}

base::Result<base::UniqueFd> connect_within(const base::Address& address, base::Nanos wait_max) {
  auto fd = begin_connect(address);
  if (!fd) return fd;
  pollfd writable{.fd = fd->get(), .events = POLLOUT, .revents = 0};
  if (poll(&writable, 1, milliseconds(wait_max)) == 0) {
    return base::failure(base::to_errno(ETIMEDOUT));
  }
  if (const auto connected = end_connect(fd->get()); !connected) {
    return base::failure(connected.error());
  }
  return fd;
}

IoResult receive_some(int fd, std::span<char> buffer) {
  return outcome_of(recv(fd, buffer.data(), buffer.size(), 0));
}

IoResult send_some(int fd, std::span<const char> data) {
  return outcome_of(send(fd, data.data(), data.size(), MSG_NOSIGNAL));
}

DemoPoller::DemoPoller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { CHECK(epoll_); }

bool DemoPoller::add(int fd, std::uint32_t events, std::uint64_t token) {
  return control(EPOLL_CTL_ADD, fd, events, token);
}

bool DemoPoller::change(int fd, std::uint32_t events, std::uint64_t token) {
  return control(EPOLL_CTL_MOD, fd, events, token);
}

bool DemoPoller::control(int operation, int fd, std::uint32_t events, std::uint64_t token) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = token;
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

std::size_t DemoPoller::wait(std::span<epoll_event> buffer, base::Nanos wait_max) {
  const int count = epoll_wait(epoll_.get(), buffer.data(), static_cast<int>(buffer.size()),
                               milliseconds(wait_max));
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace proxy
