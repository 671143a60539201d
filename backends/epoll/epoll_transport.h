// The epoll engine: one worker's transport on epoll(7).
// Made on the worker's thread and used only there, except wake().
//
// Each socket enters the epoll set once, edge-triggered for everything, and leaves it by being
// closed; which of the two ends is ready is remembered in the connection, so the steady state is
// one epoll_wait(2) for a batch of connections, and one recv(2) and one send(2) for each piece of
// data.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "backends/epoll/epoll_door.h"
#include "backends/socket/socket_transport.h"

namespace backends::epoll {

class EpollTransport final : public socket::SocketTransport {
 public:
  // epoll_fd and wake_fd (an eventfd) are open; claims outlives the transport.
  EpollTransport(const TransportOptions& options, const socket::Claims& claims,
                 base::UniqueFd epoll_fd, base::UniqueFd wake_fd);
  ~EpollTransport() override;

  std::string_view name() const override { return "epoll"; }

 private:
  // Events of the kernel taken at once: enough for a busy poll, 3 KiB.
  static constexpr std::size_t kEpollEvents = 256;

  bool watch(base::SlotId id, socket::SocketConnection& connection) override;
  void watch_exchange(base::SlotId, socket::SocketConnection&) override {}  // It is watched,
  void watch_returned(base::SlotId, socket::SocketConnection&) override {}  // and this one too.
  bool close_descriptor(base::SlotId id, socket::SocketConnection& connection) override;
  void begin_relay(base::SlotId id, socket::Relay& relay) override { queue_ready(id, relay); }
  void relay_ran(base::SlotId, socket::Relay&) override {}
  bool has_work() const override { return false; }
  base::Nanos wait(base::Nanos wait_max) override;
  void handle_collected() override;

  base::UniqueFd epoll_fd_;
  EpollDoor door_;
  std::array<epoll_event, kEpollEvents> collected_{};
  std::size_t collected_count_ = 0;
};

}  // namespace backends::epoll
