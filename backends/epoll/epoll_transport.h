// The epoll engine: one worker's transport on non-blocking sockets and epoll(7).
// Made on the worker's thread and used only there, except wake().
//
// Each socket enters the epoll set once, edge-triggered for everything, and leaves it by being
// closed; which of the two ends is ready is remembered here, so the steady state is one
// epoll_wait(2) for a batch of connections, and one recv(2) and one send(2) for each piece of data.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "backends/epoll/epoll_connection.h"
#include "backends/epoll/epoll_exchange.h"
#include "backends/epoll/epoll_listeners.h"
#include "backends/epoll/epoll_relay.h"
#include "backends/socket/claims.h"
#include "backends/socket/held_buffers.h"
#include "backends/socket/pipe_pool.h"
#include "backends/socket/socket_options.h"
#include "backends/transport.h"
#include "backends/transport_factory.h"
#include "base/fd.h"
#include "base/slab.h"

namespace backends::epoll {

class EpollTransport final : public Transport {
 public:
  // epoll_fd and wake_fd (an eventfd) are open; claims outlives the transport.
  EpollTransport(const TransportOptions& options, const socket::Claims& claims,
                 base::UniqueFd epoll_fd, base::UniqueFd wake_fd);
  ~EpollTransport() override;

  std::string_view name() const override { return "epoll"; }
  const TransportStats& stats() const override { return stats_; }

  base::Result<ListenerId> listen(const ListenSpec& spec, Tag tag) override;
  base::Address local(ListenerId listener) const override;
  void pause(ListenerId listener, bool paused) override;
  void unlisten(ListenerId listener) override;

  Connection connect(const ConnectSpec& spec, Tag tag) override;
  void retag(ConnId conn, Tag tag) override;
  base::Address peer(ConnId conn) const override;
  base::Address local(ConnId conn) const override;
  base::Result<base::Address> original_destination(ConnId conn) const override;
  bool alive(ConnId conn) override;
  void close(ConnId conn, CloseMode mode) override;
  void exchange(ConnId conn, std::span<const std::byte> request, std::size_t reply_bytes_max,
                Tag tag) override;
  std::span<const std::byte> reply(ConnId conn) const override;

  void abort(RelayId relay) override;
  PathFacts path(RelayId relay) override;

  std::span<const Event> poll(base::Nanos wait_max) override;
  base::Nanos now() const override { return now_; }
  void wake() override;

 private:
  // Events of the kernel taken at once: enough for a busy poll, 3 KiB.
  static constexpr std::size_t kEpollEvents = 256;

  // An event that a call made between two polls.
  struct Deferred {
    Event event;
    base::SlotId connection;  // Of a kConnected: a closed connection hears nothing any more.
  };
  // An upstream connection that a relay of the last poll gave back unused.
  struct Returned {
    base::SlotId connection;
    std::uint32_t events;  // Of the kernel, in the same poll.
  };
  // A relay whose reset waits for the receiver's queue.
  struct PendingReset {
    base::SlotId relay;
    base::Nanos due;
    base::Nanos interval;
  };

  RelayId start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                      RelayProgress& progress, Tag tag) override;

  bool data_waits(ConnId client);
  Connection add_connection(base::UniqueFd fd, const EpollConnection& settings);
  void close_connection(base::SlotId id, CloseMode mode);
  void defer_connected(base::SlotId connection, base::Errno error, Tag tag);

  void deliver_deferred();
  void start_exchanges();
  void run_ready();
  void accept_burst(base::SlotId listener);
  void accept_draining();
  void retry_resets();
  int wait_ms(base::Nanos wait_max) const;

  void handle(const epoll_event& event);
  void handle_wake();
  void handle_connection(base::SlotId id, std::uint32_t events);
  void finish_connect(EpollConnection& connection, std::uint32_t events);
  void report_close(EpollConnection& connection, std::uint32_t events);

  void run_relay(base::SlotId id);
  Event end_relay(base::SlotId id);
  PathFacts path_of(const Relay& relay);
  ConnId return_upstream(base::SlotId id);
  void note_returned(base::SlotId id, std::uint32_t events);
  void report_returned();
  void queue_ready(base::SlotId id, Relay& relay);
  void linger(base::SlotId id, Relay& relay);
  bool has_room() const;
  EpollConnection& connection(ConnId id) const;
  void count(Syscall call) { ++stats_.syscalls[static_cast<std::size_t>(call)]; }

  TransportStats stats_;
  TransportOptions options_;
  base::UniqueFd epoll_fd_;
  base::UniqueFd wake_fd_;
  socket::PortRange ephemeral_;
  EpollListeners listeners_;
  // Mutable: Slab has no const access by name that gives a reference.
  mutable base::Slab<EpollConnection> connections_;
  base::Slab<Relay> relays_;
  std::size_t clients_ = 0;
  socket::HeldBuffers buffers_;
  socket::PipePool pipes_;
  RelayRunner runner_;
  EpollExchanges exchanges_;

  std::vector<Event> events_;  // The batch of the last poll().
  std::vector<Deferred> deferred_;
  std::vector<base::SlotId> ready_;    // Relays with work left: started, or out of their share.
  std::vector<base::SlotId> running_;  // ready_ of the poll in progress.
  std::vector<PendingReset> resets_;
  std::vector<Returned> returned_;
  std::array<epoll_event, kEpollEvents> kernel_events_{};
  base::Nanos now_;
};

}  // namespace backends::epoll
