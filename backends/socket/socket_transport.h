// What the transports of both kernel engines have in common: connections on non-blocking sockets,
// their relays, listeners, exchanges, and the order of things within a poll. An engine is a
// subclass that tells the kernel what to watch, waits, and hands over what it hears; it may also
// move bytes of relays in a way of its own. Made on the worker's thread and used only there, except
// wake().
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "backends/socket/claims.h"
#include "backends/socket/exchanges.h"
#include "backends/socket/held_buffers.h"
#include "backends/socket/listeners.h"
#include "backends/socket/pipe_pool.h"
#include "backends/socket/relay.h"
#include "backends/socket/socket_connection.h"
#include "backends/socket/socket_options.h"
#include "backends/transport.h"
#include "backends/transport_factory.h"
#include "base/fd.h"
#include "base/slab.h"

namespace backends::socket {

class SocketTransport : public Transport {
 public:
  const TransportStats& stats() const final { return stats_; }

  base::Result<ListenerId> listen(const ListenSpec& spec, Tag tag) final;
  base::Address local(ListenerId listener) const final;
  void pause(ListenerId listener, bool paused) final;
  void unlisten(ListenerId listener) final;

  Connection connect(const ConnectSpec& spec, Tag tag) final;
  void retag(ConnId conn, Tag tag) final;
  base::Address peer(ConnId conn) const final;
  base::Address local(ConnId conn) const final;
  base::Result<base::Address> original_destination(ConnId conn) const final;
  bool alive(ConnId conn) final;
  void close(ConnId conn, CloseMode mode) final;
  void exchange(ConnId conn, std::span<const std::byte> request, std::size_t reply_bytes_max,
                Tag tag) final;
  std::span<const std::byte> reply(ConnId conn) const final;

  void abort(RelayId relay) final;
  PathFacts path(RelayId relay) final;

  std::span<const Event> poll(base::Nanos wait_max) final;
  base::Nanos now() const final { return now_; }
  void wake() final;

 protected:
  // wake_fd is an eventfd(2); claims and door outlive the transport. A batch of the kernel has at
  // most so many events: room for what they become is reserved.
  SocketTransport(const TransportOptions& options, const Claims& claims, Door& door,
                  base::UniqueFd wake_fd, std::size_t kernel_events_max);
  // To be called by the engine's destructor, while the engine is whole: resets all connections.
  void close_everything();

  // ---- What an engine does.

  // A new connection: the kernel is to tell of everything that happens to it. False: errno says
  // why it cannot.
  virtual bool watch(base::SlotId id, SocketConnection& connection) = 0;
  // A connection has become part of an exchange.
  virtual void watch_exchange(base::SlotId id, SocketConnection& connection) = 0;
  // A relay gave it back unused: it is to be watched like a new one.
  virtual void watch_returned(base::SlotId id, SocketConnection& connection) = 0;
  // Closes the descriptor, after everything that was handed to the kernel for it. The connection
  // leaves the slab when the result is true; otherwise the engine erases it later.
  virtual bool close_descriptor(base::SlotId id, SocketConnection& connection) = 0;
  // The relay is set up and has not moved anything.
  virtual void begin_relay(base::SlotId id, Relay& relay) = 0;
  // The relay was run and goes on.
  virtual void relay_ran(base::SlotId id, Relay& relay) = 0;
  // The engine has work left, so nobody may wait.
  virtual bool has_work() const = 0;
  // Hands over what calls have left to do, waits for at most that long, and collects. The result:
  // how long of it there was nothing to do.
  virtual base::Nanos wait(base::Nanos wait_max) = 0;
  // Gives what wait() has collected to the handlers below. now() is new.
  virtual void handle_collected() = 0;

  // ---- What an engine tells.

  void on_wake();
  void on_ready(base::SlotId id, Readiness events);
  void accept_burst(base::SlotId listener);
  void run_relay(base::SlotId id);
  // Runs it in the next poll.
  void queue_ready(base::SlotId id, Relay& relay);
  // How many clients may be taken in now.
  std::size_t client_room() const { return std::min(room(), options_.clients_max - clients_); }
  // Something waits to be delivered, so nobody may wait.
  bool has_events() const { return !events_.empty(); }
  void forget_closed(base::SlotId id) { connections_.erase(id); }
  void count(Syscall call) { ++stats_.syscalls[static_cast<std::size_t>(call)]; }

  TransportStats stats_;
  base::UniqueFd wake_fd_;
  Listeners listeners_;
  // Mutable: Slab has no const access by name that gives a reference.
  mutable base::Slab<SocketConnection> connections_;
  base::Slab<Relay> relays_;
  RelayRunner& runner() { return runner_; }

 private:
  // An event that a call made between two polls.
  struct Deferred {
    Event event;
    base::SlotId connection;  // Of a kConnected: a closed connection hears nothing any more.
  };
  // An upstream connection that a relay of the last poll gave back unused.
  struct Returned {
    base::SlotId connection;
    Readiness events;  // Of the kernel, in the same poll.
  };
  // A relay whose reset waits for the receiver's queue.
  struct PendingReset {
    base::SlotId relay;
    base::Nanos due;
    base::Nanos interval;
  };

  RelayId start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                      RelayProgress& progress, Tag tag) final;

  bool data_waits(ConnId client);
  Connection add_connection(base::UniqueFd fd, const SocketConnection& settings);
  void close_connection(base::SlotId id, CloseMode mode);
  void defer_connected(base::SlotId connection, base::Errno error, Tag tag);

  void deliver_deferred();
  void start_exchanges();
  void run_ready();
  void accept_draining();
  void retry_resets();
  base::Nanos wait_limit(base::Nanos wait_max) const;

  void finish_connect(SocketConnection& connection, Readiness events);
  void report_close(SocketConnection& connection, Readiness events);

  Event end_relay(base::SlotId id);
  PathFacts path_of(const Relay& relay);
  ConnId return_upstream(base::SlotId id);
  void note_returned(base::SlotId id, Readiness events);
  void report_returned();
  void linger(base::SlotId id, Relay& relay);
  bool has_room_for_another() const { return room() != 0; }
  std::size_t room() const;
  bool has_room() const { return client_room() != 0; }
  SocketConnection& connection(ConnId id) const;

  TransportOptions options_;
  PortRange ephemeral_;
  std::size_t clients_ = 0;
  HeldBuffers buffers_;
  PipePool pipes_;
  RelayRunner runner_;
  Exchanges exchanges_;

  std::vector<Event> events_;  // The batch of the last poll().
  std::vector<Deferred> deferred_;
  std::vector<base::SlotId> ready_;    // Relays with work left: started, or out of their share.
  std::vector<base::SlotId> running_;  // ready_ of the poll in progress.
  std::vector<PendingReset> resets_;
  std::vector<Returned> returned_;
  base::Nanos now_;
};

}  // namespace backends::socket
