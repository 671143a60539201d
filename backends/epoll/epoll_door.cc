#include "backends/epoll/epoll_door.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/assert.h"

namespace backends::epoll {

bool EpollDoor::open(base::SlotId listener, int fd, bool shared, int /*backlog*/) {
  count(Syscall::kOption);
  epoll_event event{};
  // One of those who wait at a shared queue is enough for one client.
  event.events = EPOLLIN | (shared ? EPOLLEXCLUSIVE : 0U);
  event.data.u64 = Token{.kind = Token::Kind::kListener, .id = listener}.pack();
  return ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void EpollDoor::close(base::SlotId /*listener*/, int fd) {
  count(Syscall::kOption);
  CHECK(::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr) == 0);
}

base::Result<int> EpollDoor::next(base::SlotId /*listener*/, int fd) {
  count(Syscall::kAccept);
  const int client = ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) return base::failure_of_errno();
  return client;
}

}  // namespace backends::epoll
