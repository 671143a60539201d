// The half of SocketTransport that brings connections into being and hears of their end:
// connecting, and what a connection in the worker's hands has to report. A file of its own because
// the other half (polling, listeners, relays) shares nothing with it but the slab.
#include <utility>

#include "backends/socket/outgoing.h"
#include "backends/socket/socket_transport.h"

namespace backends::socket {
namespace {

// It failed for want of this machine's resources, not for the network's reasons.
bool out_of_resources(base::Errno error) {
  const int code = base::code_of(error);
  return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM ||
         code == EADDRNOTAVAIL;
}

}  // namespace

Connection SocketTransport::connect(const ConnectSpec& spec, Tag tag) {
  const base::Family family = spec.remote.family();
  if (!has_room_for_another()) {
    ++stats_.connects_refused;
    defer_connected({}, base::to_errno(EMFILE), tag);
    return {};
  }
  Outgoing outgoing = socket::start_connect(spec, data_waits(spec.client), stats_);
  if (out_of_resources(outgoing.error)) ++stats_.connects_refused;
  if (!outgoing.fd) {
    defer_connected({}, outgoing.error, tag);
    return {};
  }
  SocketConnection settings;
  settings.tag = tag;
  settings.state = SocketConnection::State::kConnecting;
  settings.family = family;
  settings.read_to_end = family == base::Family::kUnix;
  settings.maybe_itself = family != base::Family::kUnix && ephemeral_.contains(spec.remote.ip.port);
  if (outgoing.error != base::Errno::kNone) {
    // The handle lives until its owner drops it, but the kernel has nothing more to say about it.
    settings.fd = outgoing.fd.release();
    const base::SlotId id = connections_.emplace(settings);
    ++stats_.connections;
    defer_connected(id, outgoing.error, tag);
    return Connection(*this, to_id<ConnId>(id));
  }
  return add_connection(std::move(outgoing.fd), settings);
}

bool SocketTransport::data_waits(ConnId client) {
  if (client == ConnId::kNone) return false;
  count(Syscall::kOption);
  return socket::has_unread(connection(client).fd);
}

// Into the slab, and watched. Out of memory for the latter: an empty handle.
Connection SocketTransport::add_connection(base::UniqueFd fd, const SocketConnection& settings) {
  const base::SlotId id = connections_.emplace(settings);
  SocketConnection& added = connections_[id];
  added.fd = fd.get();
  if (!watch(id, added)) {
    const base::Errno error = base::last_errno();
    connections_.erase(id);
    ++stats_.connects_refused;
    if (settings.state == SocketConnection::State::kConnecting) {
      defer_connected({}, error, settings.tag);
    }
    return {};
  }
  static_cast<void>(fd.release());
  if (added.is_client) ++clients_;
  ++stats_.connections;
  return Connection(*this, to_id<ConnId>(id));
}

void SocketTransport::defer_connected(base::SlotId connection, base::Errno error, Tag tag) {
  deferred_.push_back({.event = {.kind = EventKind::kConnected, .error = error, .tag = tag},
                       .connection = connection});
}

void SocketTransport::finish_connect(SocketConnection& connection, Readiness events) {
  base::Errno error = base::Errno::kNone;
  if ((events & (kHasError | kHungUp)) != 0) {
    count(Syscall::kOption);
    error = socket::take_error(connection.fd);
  } else if ((events & kCanWrite) == 0) {
    return;
  }
  if (error == base::Errno::kNone && connection.maybe_itself &&
      socket::connected_to_itself(connection.fd)) {
    error = base::to_errno(ECONNREFUSED);
  }
  connection.state = SocketConnection::State::kOpen;
  // A refused connect says ECONNREFUSED. One that was reset (EPIPE: after its FIN) did stand, and
  // what came before the reset waits to be read: it is a connection like any other that is reset.
  if (error == base::to_errno(ECONNRESET) || error == base::to_errno(EPIPE)) {
    connection.lost = base::to_errno(ECONNRESET);
    connection.reset_told = true;
    events_.push_back({.kind = EventKind::kConnected, .tag = connection.tag});
    events_.push_back(
        {.kind = EventKind::kPeerClosed, .error = connection.lost, .tag = connection.tag});
    return;
  }
  events_.push_back({.kind = EventKind::kConnected, .error = error, .tag = connection.tag});
  if (error == base::Errno::kNone) {
    report_close(connection, events);
  } else {
    connection.lost = error;
    connection.close_told = connection.reset_told = true;
  }
}

void SocketTransport::report_close(SocketConnection& connection, Readiness events) {
  if ((events & kEndings) == 0) return;
  // An exchange may have found the loss first, and the kernel tells it once.
  if ((events & kHasError) != 0 && connection.lost == base::Errno::kNone) {
    count(Syscall::kOption);
    connection.lose(socket::take_error(connection.fd));
  }
  const base::Errno error = connection.lost;
  bool& told = error == base::Errno::kNone ? connection.close_told : connection.reset_told;
  if (std::exchange(told, true) || (error == base::Errno::kNone && connection.reset_told)) return;
  events_.push_back({.kind = EventKind::kPeerClosed, .error = error, .tag = connection.tag});
}

}  // namespace backends::socket
