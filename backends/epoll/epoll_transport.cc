#include "backends/epoll/epoll_transport.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/assert.h"

namespace backends::epoll {
namespace {

constexpr std::uint32_t kEverything = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

// epoll(7) and poll(2) have the same words.
static_assert(EPOLLIN == socket::kCanRead && EPOLLOUT == socket::kCanWrite &&
              EPOLLPRI == socket::kUrgent && EPOLLHUP == socket::kHungUp &&
              EPOLLERR == socket::kHasError && EPOLLRDHUP == socket::kSaidEnd);

int to_ms(base::Nanos wait) {
  if (wait == base::kForever) return -1;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, std::numeric_limits<int>::max()));
}

}  // namespace

EpollTransport::EpollTransport(const TransportOptions& options, const socket::Claims& claims,
                               base::UniqueFd epoll_fd, base::UniqueFd wake_fd)
    : SocketTransport(options, claims, door_, std::move(wake_fd), kEpollEvents),
      epoll_fd_(std::move(epoll_fd)),
      door_(epoll_fd_.get(), stats_) {
  CHECK(connections_.capacity() < (1U << Token::kSlotBits));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = Token{.kind = Token::Kind::kWake, .id = {}}.pack();
  CHECK(::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, wake_fd_.get(), &event) == 0);
}

EpollTransport::~EpollTransport() { close_everything(); }

bool EpollTransport::watch(base::SlotId id, socket::SocketConnection& connection) {
  epoll_event event{};
  event.events = kEverything;
  event.data.u64 = Token{.kind = Token::Kind::kConnection, .id = id}.pack();
  count(Syscall::kOption);
  return ::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, connection.fd, &event) == 0;
}

bool EpollTransport::close_descriptor(base::SlotId /*id*/, socket::SocketConnection& connection) {
  // No EPOLL_CTL_DEL: nobody else has this descriptor, so closing it takes it out of the set.
  count(Syscall::kClose);
  ::close(connection.fd);
  return true;
}

base::Nanos EpollTransport::wait(base::Nanos wait_max) {
  count(Syscall::kPoll);
  const bool waits = wait_max.count() != 0;
  const base::Nanos before = waits ? base::monotonic_now() : base::Nanos{0};
  const int ready = ::epoll_wait(epoll_fd_.get(), collected_.data(), static_cast<int>(kEpollEvents),
                                 to_ms(wait_max));
  // EINTR comes back with nothing, like a poll that waited long enough.
  collected_count_ = ready > 0 ? static_cast<std::size_t>(ready) : 0;
  return waits ? base::monotonic_now() - before : base::Nanos{0};
}

void EpollTransport::handle_collected() {
  for (std::size_t i = 0; i < collected_count_; ++i) {
    const epoll_event& event = collected_[i];
    const Token token = Token::unpack(event.data.u64);
    switch (token.kind) {
      case Token::Kind::kConnection:
        on_ready(token.id, event.events);
        break;
      case Token::Kind::kListener:
        if (listeners_.knows(token.id)) {
          accept_burst(token.id);
        } else {
          ++stats_.stale_events;
        }
        break;
      case Token::Kind::kWake:
        on_wake();
        break;
    }
  }
}

}  // namespace backends::epoll
