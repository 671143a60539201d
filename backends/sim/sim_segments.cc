// The half of SimNetwork that moves bytes: segments, windows, FIN and RST of open connections. A
// file of its own because the other half (time, listeners, handshakes) shares nothing with it but
// the table of sockets.
#include <algorithm>
#include <utility>

#include "backends/sim/sim_network.h"
#include "base/assert.h"

namespace backends {
namespace {

// Bounds the events one connection can have pending; far above any window of the tests.
constexpr std::size_t kSegmentsInFlightMax = 256;

bool is_orphan(const SimSocket& socket) { return socket.owner == nullptr && !socket.queued; }

bool is_unix(const SimSocket& socket) { return socket.local.family() == base::Family::kUnix; }

}  // namespace

const SimSocket& SimNetwork::socket(SimSocketId socket) const {
  const SimSocket* found = sockets_.find(socket.id);
  CHECK(found != nullptr);
  return *found;
}

SimSocket* SimNetwork::other_of(const SimSocket& socket) {
  return socket.other ? sockets_.find(socket.other->id) : nullptr;
}

void SimNetwork::notify(SimSocket& socket) {
  if (socket.owner != nullptr) socket.owner->socket_ready(socket.cookie);
}

// --- What owners do.

std::size_t SimNetwork::read(SimSocketId id, std::span<std::byte> out) {
  SimSocket& socket = at_id(id);
  const auto bytes = socket.receive.front(out.size());
  const std::size_t count = bytes.size();
  std::copy(bytes.begin(), bytes.end(), out.begin());
  socket.receive.discard(count);
  if (count > 0 && socket.other) pump(*socket.other);  // The window has opened.
  return count;
}

std::size_t SimNetwork::write(SimSocketId id, std::span<const std::byte> bytes) {
  SimSocket& socket = at_id(id);
  CHECK(socket.fin == SimSocket::Fin::kNone);
  if (socket.state != SimState::kOpen) return 0;
  const std::size_t count = std::min(bytes.size(), socket.send_space());
  socket.send.append(bytes.first(count));
  if (socket.cut && socket.tcp.user_timeout.count() > 0) {
    schedule(now_ + socket.tcp.user_timeout, What::kSilence, id.id, base::to_errno(ETIMEDOUT));
  }
  pump(id);
  return count;
}

void SimNetwork::shutdown_write(SimSocketId id) {
  SimSocket& socket = at_id(id);
  if (socket.state != SimState::kOpen || socket.fin != SimSocket::Fin::kNone) return;
  socket.fin = SimSocket::Fin::kQueued;
  pump(id);
}

void SimNetwork::close(SimSocketId id) {
  SimSocket& socket = at_id(id);
  trace_.record(now_, "close", socket.number, socket.receive.size());
  socket.owner = nullptr;
  if (socket.state == SimState::kConnecting || !socket.receive.empty()) {
    send_reset(id);
  } else {
    shutdown_write(id);
  }
  forget_if_finished(id);
}

void SimNetwork::reset(SimSocketId id) {
  SimSocket& socket = at_id(id);
  if (is_unix(socket)) return close(id);
  trace_.record(now_, "reset", socket.number, socket.receive.size());
  socket.owner = nullptr;
  send_reset(id);
  forget_if_finished(id);
}

void SimNetwork::cut(SimSocketId id) {
  SimSocket& first = at_id(id);
  trace_.record(now_, "cut", first.number, 0);
  for (const std::optional<SimSocketId> end : {std::optional(id), first.other}) {
    SimSocket* socket = end ? sockets_.find(end->id) : nullptr;
    if (socket == nullptr) continue;
    socket->cut = true;
    const TcpOptions& tcp = socket->tcp;
    if (tcp.keepalive_idle.count() > 0) {
      schedule(now_ + tcp.keepalive_idle + tcp.keepalive_interval * tcp.keepalive_probes,
               What::kSilence, end->id, base::to_errno(ETIMEDOUT));
    }
    if (tcp.user_timeout.count() > 0 && socket->undelivered() > 0) {
      schedule(now_ + tcp.user_timeout, What::kSilence, end->id, base::to_errno(ETIMEDOUT));
    }
    forget_if_finished(*end);
  }
}

// --- What the network does.

std::size_t SimNetwork::window_of(const SimSocket& from) {
  const SimSocket* to = other_of(from);
  if (to == nullptr || from.flight.size() >= kSegmentsInFlightMax) return 0;
  // A closed end takes the bytes in order to answer them with a RST.
  const std::size_t taken = from.flight_bytes + (is_orphan(*to) ? 0 : to->receive.size());
  return taken < to->receive_max ? to->receive_max - taken : 0;
}

void SimNetwork::pump(SimSocketId id) {
  SimSocket& from = at_id(id);
  if (from.state != SimState::kOpen || from.reset_sent) return;
  while (!from.send.empty()) {
    std::size_t count = std::min({from.send.size(), window_of(from), options_.segment_bytes_max});
    if (count == 0) return;
    if (prng_.chance(options_.small_segments_per_thousand)) count = 1 + prng_.below(count);
    const auto bytes = from.send.front(count);
    launch(id, {SimSocket::Kind::kBytes, {bytes.begin(), bytes.end()}});
    from.send.discard(count);
  }
  if (from.fin == SimSocket::Fin::kQueued && from.other) {
    from.fin = SimSocket::Fin::kInFlight;
    launch(id, {SimSocket::Kind::kFin, {}});
  }
}

void SimNetwork::launch(SimSocketId id, SimSocket::Segment segment) {
  SimSocket& from = at_id(id);
  from.last_arrival = std::max(from.last_arrival, now_ + one_way(from.path));
  from.flight_bytes += segment.bytes.size();
  from.flight.push_back(std::move(segment));
  schedule(from.last_arrival, What::kSegment, id.id, base::Errno::kNone);
}

void SimNetwork::send_reset(SimSocketId id) {
  SimSocket& from = at_id(id);
  if (from.reset_sent || from.state == SimState::kReset || from.state == SimState::kFailed) return;
  // A UNIX socket's bytes are in the other end's queue the moment they are written, so a close
  // with unread bytes takes none of them back.
  if (is_unix(from) && !from.send.empty()) {
    const auto bytes = from.send.front(from.send.size());
    launch(id, {SimSocket::Kind::kBytes, {bytes.begin(), bytes.end()}});
  }
  from.send.clear();
  from.receive.clear();
  from.reset_sent = true;
  if (from.other) launch(id, {SimSocket::Kind::kReset, {}});
}

void SimNetwork::segment_arrives(SimSocketId id) {
  SimSocket* from = sockets_.find(id.id);
  if (from == nullptr || from->cut || from->flight.empty()) return;
  const SimSocket::Segment segment = std::move(from->flight.front());
  from->flight.pop_front();
  from->flight_bytes -= segment.bytes.size();
  SimSocket* to = other_of(*from);
  if (to == nullptr) return;  // Nobody is left to hear of it.
  const SimSocketId to_id = *from->other;
  switch (segment.kind) {
    case SimSocket::Kind::kBytes:
      trace_.record(now_, "bytes", to->number, segment.bytes.size());
      if (is_orphan(*to) || to->reset_sent) {
        send_reset(to_id);
      } else if (to->state == SimState::kOpen) {
        to->receive.append(segment.bytes);
        notify(*to);
      }
      break;
    case SimSocket::Kind::kFin:
      trace_.record(now_, "fin", to->number, 0);
      from->fin = SimSocket::Fin::kArrived;
      to->fin_received = true;
      notify(*to);
      break;
    case SimSocket::Kind::kReset:
      reset_arrives(to_id, base::to_errno(ECONNRESET));
      break;
  }
  // Owners may have closed either end while they heard of it.
  from = sockets_.find(id.id);
  if (from != nullptr && segment.kind == SimSocket::Kind::kBytes) {
    notify(*from);  // There is room in its send buffer.
    if (sockets_.find(id.id) != nullptr) pump(id);
  }
  forget_if_finished(id);
  forget_if_finished(to_id);
}

void SimNetwork::reset_arrives(SimSocketId id, base::Errno error) {
  SimSocket* socket = sockets_.find(id.id);
  if (socket == nullptr || socket->state == SimState::kReset || socket->state == SimState::kFailed)
    return;
  trace_.record(now_, "reset-arrives", socket->number,
                static_cast<std::uint64_t>(base::code_of(error)));
  socket->state = socket->state == SimState::kConnecting ? SimState::kFailed : SimState::kReset;
  socket->error = error;
  socket->reset_at = now_;
  socket->send.clear();
  socket->flight.clear();
  socket->flight_bytes = 0;
  notify(*socket);
  forget_if_finished(id);
}

void SimNetwork::forget_if_finished(SimSocketId id) {
  const SimSocket* socket = sockets_.find(id.id);
  if (socket == nullptr || !is_orphan(*socket)) return;
  const bool closed_both_ways =
      socket->fin == SimSocket::Fin::kArrived && socket->fin_received && socket->flight.empty();
  const bool finished = socket->cut || closed_both_ways || socket->state == SimState::kReset ||
                        socket->state == SimState::kFailed ||
                        (socket->reset_sent && socket->flight.empty()) || !socket->other;
  if (!finished) return;
  const std::optional<SimSocketId> other = socket->other;
  sockets_.erase(id.id);
  if (!other) return;
  at_id(*other).other.reset();
  forget_if_finished(*other);
}

}  // namespace backends
