#include "backends/socket/socket_transport.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"

namespace backends::socket {
namespace {

// TCP has no event for "everything was acknowledged", so a reset that waits for it looks again:
// soon, because on a healthy path it takes one round trip, and then less and less often.
constexpr base::Nanos kResetLookMin = std::chrono::milliseconds(1);
constexpr base::Nanos kResetLookMax = std::chrono::milliseconds(100);

}  // namespace

SocketTransport::SocketTransport(const TransportOptions& options, const Claims& claims, Door& door,
                                 base::UniqueFd wake_fd, std::size_t kernel_events_max)
    : wake_fd_(std::move(wake_fd)),
      listeners_(claims, door, stats_),
      // Twice: a closed connection keeps its slot until the kernel has let go of it.
      connections_(2 * options.connections_max),
      relays_(options.connections_max / 2),
      options_(options),
      ephemeral_(ephemeral_ports()),
      pipes_(options.pipes_max, options.pipe_bytes, pipe_share_of_a_worker(), stats_),
      runner_(buffers_, pipes_, stats_),
      exchanges_(stats_),
      now_(base::monotonic_now()) {
  stats_.connections_max = options.connections_max;
  // Reserved so that the steady state allocates nothing: a kernel event makes at most two events
  // (connected, then closed by its peer), a listener's a burst.
  events_.reserve(2 * kernel_events_max + 4 * kAcceptBurst);
  deferred_.reserve(kernel_events_max);
  ready_.reserve(options.connections_max / 2);
  running_.reserve(options.connections_max / 2);
}

void SocketTransport::close_everything() {
  relays_.for_each([this](base::SlotId, Relay& relay) { runner_.release(relay); });
  // RST: nobody may take the end of this process for the end of a stream.
  connections_.for_each([this](base::SlotId id, SocketConnection& connection) {
    if (connection.state != SocketConnection::State::kClosing) {
      close_connection(id, CloseMode::kReset);
    }
  });
}

base::Result<ListenerId> SocketTransport::listen(const ListenSpec& spec, Tag tag) {
  return listeners_.listen(spec, tag);
}

base::Address SocketTransport::local(ListenerId listener) const {
  return listeners_.local(listener);
}

void SocketTransport::pause(ListenerId listener, bool paused) {
  listeners_.pause(listener, paused);
}

void SocketTransport::unlisten(ListenerId listener) { listeners_.unlisten(listener); }

SocketConnection& SocketTransport::connection(ConnId id) const { return connections_[to_slot(id)]; }

void SocketTransport::retag(ConnId conn, Tag tag) { connection(conn).tag = tag; }

base::Address SocketTransport::peer(ConnId conn) const {
  return socket::peer_of(connection(conn).fd);
}

base::Address SocketTransport::local(ConnId conn) const {
  return socket::local_of(connection(conn).fd);
}

base::Result<base::Address> SocketTransport::original_destination(ConnId conn) const {
  const SocketConnection& asked = connection(conn);
  return socket::original_destination(asked.fd, asked.family);
}

bool SocketTransport::alive(ConnId conn) {
  const SocketConnection& asked = connection(conn);
  count(Syscall::kOption);
  return asked.lost == base::Errno::kNone && socket::alive(asked.fd);
}

void SocketTransport::close(ConnId conn, CloseMode mode) {
  const base::SlotId id = to_slot(conn);
  const SocketConnection* closing = connections_.find(id);
  CHECK(closing != nullptr && closing->state != SocketConnection::State::kRelayed);
  close_connection(id, mode);
}

void SocketTransport::close_connection(base::SlotId id, CloseMode mode) {
  SocketConnection& closing = connections_[id];
  if (mode == CloseMode::kReset && closing.family != base::Family::kUnix) {
    count(Syscall::kOption);
    reset_on_close(closing.fd);
  }
  if (closing.exchanges) exchanges_.forget(id);
  if (closing.is_client) --clients_;
  --stats_.connections;
  closing.state = SocketConnection::State::kClosing;
  if (close_descriptor(id, closing)) connections_.erase(id);
  listeners_.connection_closed();
}

RelayId SocketTransport::start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                                     RelayProgress& progress, Tag tag) {
  const base::SlotId id = relays_.emplace();
  CHECK(id.generation != 0);  // Half as many relays as connections: there is always room.
  Relay& relay = relays_[id];
  relay.sides = {&connection(client), &connection(upstream)};
  relay.connections = {to_slot(client), to_slot(upstream)};
  for (std::size_t side = 0; side < relay.sides.size(); ++side) {
    SocketConnection& joined = *relay.sides[side];
    CHECK(joined.state == SocketConnection::State::kOpen && !joined.exchanges);
    joined.state = SocketConnection::State::kRelayed;
    joined.side = static_cast<std::uint8_t>(side);
    joined.relay = id;
    // What was reset before the relay began has its bytes to deliver, and then the reset.
    if (joined.lost != base::Errno::kNone) joined.readable = joined.read_to_end = true;
  }
  relay.progress = &progress;
  relay.skip = spec.skip;
  relay.sample_path = spec.sample_path;
  // An upstream that has read a preamble is not as new as it was.
  if (spec.preamble.empty()) relay.return_unused = spec.return_unused;
  relay.tag = tag;
  stats_.relays = relays_.size();
  if (runner_.start(relay, spec.preamble)) {
    begin_relay(id, relay);
  } else {
    runner_.fail(relay, base::to_errno(ENOMEM));
    queue_ready(id, relay);
  }
  return to_id<RelayId>(id);
}

void SocketTransport::abort(RelayId relay) {
  const base::SlotId id = to_slot(relay);
  Relay* aborted = relays_.find(id);
  if (aborted == nullptr) return;  // It ended first; that event is on its way.
  aborted->end = RelayEnd::kAborted;
  aborted->error = base::Errno::kNone;
  deferred_.push_back({.event = end_relay(id), .connection = {}});
}

void SocketTransport::exchange(ConnId conn, std::span<const std::byte> request,
                               std::size_t reply_bytes_max, Tag tag) {
  SocketConnection& asking = connection(conn);
  CHECK(asking.state == SocketConnection::State::kOpen);
  if (!std::exchange(asking.exchanges, true)) watch_exchange(to_slot(conn), asking);
  exchanges_.begin(to_slot(conn), request, reply_bytes_max, tag);
}

std::span<const std::byte> SocketTransport::reply(ConnId conn) const {
  return exchanges_.reply(to_slot(conn));
}

PathFacts SocketTransport::path(RelayId relay) {
  const Relay* asked = relays_.find(to_slot(relay));
  return asked == nullptr ? PathFacts{} : path_of(*asked);
}

PathFacts SocketTransport::path_of(const Relay& relay) {
  const SocketConnection& upstream = *relay.sides[kUpstreamSide];
  if (upstream.family == base::Family::kUnix) return {};
  count(Syscall::kOption);
  return socket::path_facts(upstream.fd);
}

void SocketTransport::wake() {
  const std::uint64_t one = 1;
  // A full counter (EAGAIN) has a wake waiting already.
  static_cast<void>(::write(wake_fd_.get(), &one, sizeof(one)) == sizeof(one));
}

// What calls between the polls left to do comes before the kernel is asked: a relay that was just
// started moves its first bytes without waiting for another round.
std::span<const Event> SocketTransport::poll(base::Nanos wait_max) {
  events_.clear();
  ++stats_.polls;
  deliver_deferred();
  report_returned();
  start_exchanges();
  run_ready();
  accept_draining();
  stats_.waited += wait(wait_limit(wait_max));
  now_ = base::monotonic_now();
  handle_collected();
  if (!resets_.empty()) retry_resets();
  listeners_.resume_if_possible(has_room(), now_, events_);
  stats_.events += events_.size();
  return events_;
}

base::Nanos SocketTransport::wait_limit(base::Nanos wait_max) const {
  if (!events_.empty() || !ready_.empty() || has_work()) return base::Nanos{0};
  base::Nanos limit = std::min(wait_max, listeners_.wait_limit(has_room(), now_));
  for (const PendingReset& reset : resets_) limit = std::min(limit, reset.due - now_);
  return std::max(limit, base::Nanos{0});
}

void SocketTransport::deliver_deferred() {
  for (Deferred& deferred : deferred_) {
    if (deferred.event.kind == EventKind::kConnected && deferred.connection.generation != 0) {
      SocketConnection* failed = connections_.find(deferred.connection);
      if (failed == nullptr) continue;  // Closed by its owner.
      failed->state = SocketConnection::State::kOpen;
      failed->lose(deferred.event.error);
      deferred.event.tag = failed->tag;
    }
    events_.push_back(deferred.event);
  }
  deferred_.clear();
}

void SocketTransport::start_exchanges() {
  for (const base::SlotId id : exchanges_.take_started()) {
    SocketConnection* asking = connections_.find(id);
    if (asking != nullptr) exchanges_.run(id, *asking, events_);
  }
}

void SocketTransport::run_ready() {
  std::swap(ready_, running_);
  for (const base::SlotId id : running_) {
    Relay* relay = relays_.find(id);
    if (relay == nullptr) continue;
    relay->queued = false;
    run_relay(id);
  }
  running_.clear();
}

void SocketTransport::queue_ready(base::SlotId id, Relay& relay) {
  if (std::exchange(relay.queued, true)) return;
  ready_.push_back(id);
}

void SocketTransport::on_wake() {
  std::uint64_t wakes = 0;
  if (::read(wake_fd_.get(), &wakes, sizeof(wakes)) != sizeof(wakes)) return;
  ++stats_.wakes;
  events_.push_back({.kind = EventKind::kWoken, .tag = {}});
}

void SocketTransport::on_ready(base::SlotId id, Readiness events) {
  SocketConnection* found = connections_.find(id);
  if (found == nullptr) {
    ++stats_.stale_events;
    return;
  }
  SocketConnection& connection = *found;
  connection.note(events);
  switch (connection.state) {
    case SocketConnection::State::kConnecting:
      finish_connect(connection, events);
      break;
    case SocketConnection::State::kOpen:
      if (connection.returned) {
        note_returned(id, events);
        break;
      }
      // An answer before the end that came behind it.
      if (connection.exchanges) exchanges_.run(id, connection, events_);
      report_close(connection, events);
      break;
    case SocketConnection::State::kRelayed: {
      Relay& relay = relays_[connection.relay];
      if ((events & kHasError) != 0) runner_.look_for_reset(relay, connection.side);
      if (!relay.queued) run_relay(connection.relay);
      break;
    }
    case SocketConnection::State::kClosing:
      ++stats_.stale_events;
      break;
  }
}

void SocketTransport::accept_burst(base::SlotId listener) {
  const std::size_t room = client_room();
  const Accepted accepted = listeners_.accept(listener, room, now_, events_);
  SocketConnection settings;
  settings.family = accepted.family;
  settings.read_to_end = accepted.family == base::Family::kUnix;
  settings.is_client = true;
  for (std::size_t i = 0; i < accepted.count; ++i) {
    Connection client = add_connection(base::UniqueFd(accepted.fds[i]), settings);
    if (!client) continue;
    events_.push_back(
        {.kind = EventKind::kAccepted, .tag = accepted.tag, .conn = client.release()});
  }
}

void SocketTransport::accept_draining() {
  // Backwards, because one that is empty leaves the list.
  for (std::size_t i = listeners_.draining().size(); i-- > 0;) {
    accept_burst(listeners_.draining()[i]);
  }
}

// Closed connections that the kernel has not let go of take slots too, of which there are enough
// for any but the strangest moments.
std::size_t SocketTransport::room() const {
  return std::min<std::size_t>(options_.connections_max - stats_.connections,
                               connections_.capacity() - connections_.size());
}

void SocketTransport::run_relay(base::SlotId id) {
  Relay& relay = relays_[id];
  switch (runner_.run(relay, now_)) {
    case Relay::Next::kWait:
      relay_ran(id, relay);
      break;
    case Relay::Next::kAgain:
      queue_ready(id, relay);
      relay_ran(id, relay);
      break;
    case Relay::Next::kLinger:
      linger(id, relay);
      relay_ran(id, relay);
      break;
    case Relay::Next::kEnd:
      events_.push_back(end_relay(id));
      break;
  }
}

void SocketTransport::linger(base::SlotId id, Relay& relay) {
  if (std::exchange(relay.lingering, true)) return;
  resets_.push_back({.relay = id, .due = now_ + kResetLookMin, .interval = kResetLookMin});
  stats_.resets_pending = resets_.size();
}

void SocketTransport::retry_resets() {
  for (std::size_t i = 0; i < resets_.size();) {
    PendingReset& reset = resets_[i];
    if (relays_.find(reset.relay) != nullptr && now_ >= reset.due) {
      reset.interval = std::min(2 * reset.interval, kResetLookMax);
      reset.due = now_ + reset.interval;
      run_relay(reset.relay);
    }
    if (relays_.find(reset.relay) != nullptr) {
      ++i;
      continue;
    }
    resets_[i] = resets_.back();
    resets_.pop_back();
  }
  stats_.resets_pending = resets_.size();
}

// Closes both sides, or gives the upstream back, and forgets the relay; the result is its
// kRelayDone.
Event SocketTransport::end_relay(base::SlotId id) {
  Relay& relay = relays_[id];
  Event done{.kind = EventKind::kRelayDone,
             .relay_end = relay.end,
             .error = relay.error,
             .tag = relay.tag};
  if (relay.sample_path) path_of(relay).write_to(done);
  runner_.release(relay);
  for (std::size_t side = 0; side < relay.connections.size(); ++side) {
    if (side == kUpstreamSide && relay.end == RelayEnd::kUnused) {
      done.conn = return_upstream(relay.connections[side]);
    } else {
      close_connection(relay.connections[side], RelayRunner::close_mode(relay, side));
    }
  }
  relays_.erase(id);
  stats_.relays = relays_.size();
  return done;
}

// Whoever hears of this relay's end has no tag on the connection yet, so what the kernel says of it
// meanwhile waits for the next poll.
ConnId SocketTransport::return_upstream(base::SlotId id) {
  SocketConnection& upstream = connections_[id];
  upstream.state = SocketConnection::State::kOpen;
  upstream.relay = {};
  upstream.returned = true;
  returned_.push_back({.connection = id, .events = 0});
  watch_returned(id, upstream);
  return to_id<ConnId>(id);
}

void SocketTransport::note_returned(base::SlotId id, Readiness events) {
  for (Returned& returned : returned_) {
    if (returned.connection == id) returned.events |= events;
  }
}

void SocketTransport::report_returned() {
  for (const Returned& returned : returned_) {
    SocketConnection* found = connections_.find(returned.connection);
    if (found == nullptr) continue;
    found->returned = false;
    if (found->state == SocketConnection::State::kOpen) report_close(*found, returned.events);
  }
  returned_.clear();
}

}  // namespace backends::socket
