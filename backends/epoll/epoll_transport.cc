#include "backends/epoll/epoll_transport.h"

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/assert.h"

namespace backends::epoll {
namespace {

constexpr std::uint32_t kEndings = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

// TCP has no event for "everything was acknowledged", so a reset that waits for it looks again:
// soon, because on a healthy path it takes one round trip, and then less and less often.
constexpr base::Nanos kResetLookMin = std::chrono::milliseconds(1);
constexpr base::Nanos kResetLookMax = std::chrono::milliseconds(100);

}  // namespace

EpollTransport::EpollTransport(const TransportOptions& options, const socket::Claims& claims,
                               base::UniqueFd epoll_fd, base::UniqueFd wake_fd)
    : options_(options),
      epoll_fd_(std::move(epoll_fd)),
      wake_fd_(std::move(wake_fd)),
      ephemeral_(socket::ephemeral_ports()),
      listeners_(epoll_fd_.get(), claims, stats_),
      connections_(options.connections_max),
      relays_(options.connections_max / 2),
      pipes_(options.pipes_max, options.pipe_bytes, socket::pipe_share_of_a_worker(), stats_),
      runner_(buffers_, pipes_, stats_),
      exchanges_(stats_),
      now_(base::monotonic_now()) {
  CHECK(options.connections_max < (1U << Token::kSlotBits));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = Token{.kind = Token::Kind::kWake, .id = {}}.pack();
  CHECK(::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, wake_fd_.get(), &event) == 0);
  stats_.connections_max = options.connections_max;
  // Reserved so that the steady state allocates nothing: a kernel event makes at most two events
  // (connected, then closed by its peer), a listener's a burst.
  events_.reserve(2 * kEpollEvents + 4 * kAcceptBurst);
  deferred_.reserve(kEpollEvents);
  ready_.reserve(options.connections_max / 2);
  running_.reserve(options.connections_max / 2);
}

EpollTransport::~EpollTransport() {
  relays_.for_each([this](base::SlotId, Relay& relay) { runner_.release(relay); });
  // RST: nobody may take the end of this process for the end of a stream.
  connections_.for_each(
      [this](base::SlotId id, EpollConnection&) { close_connection(id, CloseMode::kReset); });
}

base::Result<ListenerId> EpollTransport::listen(const ListenSpec& spec, Tag tag) {
  return listeners_.listen(spec, tag);
}

base::Address EpollTransport::local(ListenerId listener) const {
  return listeners_.local(listener);
}

void EpollTransport::pause(ListenerId listener, bool paused) { listeners_.pause(listener, paused); }

void EpollTransport::unlisten(ListenerId listener) { listeners_.unlisten(listener); }

EpollConnection& EpollTransport::connection(ConnId id) const { return connections_[to_slot(id)]; }

void EpollTransport::retag(ConnId conn, Tag tag) { connection(conn).tag = tag; }

base::Address EpollTransport::peer(ConnId conn) const {
  return socket::peer_of(connection(conn).fd);
}

base::Address EpollTransport::local(ConnId conn) const {
  return socket::local_of(connection(conn).fd);
}

base::Result<base::Address> EpollTransport::original_destination(ConnId conn) const {
  const EpollConnection& asked = connection(conn);
  return socket::original_destination(asked.fd, asked.family);
}

bool EpollTransport::alive(ConnId conn) {
  const EpollConnection& asked = connection(conn);
  count(Syscall::kOption);
  return asked.lost == base::Errno::kNone && socket::alive(asked.fd);
}

void EpollTransport::close(ConnId conn, CloseMode mode) {
  const base::SlotId id = to_slot(conn);
  const EpollConnection* closing = connections_.find(id);
  CHECK(closing != nullptr && closing->state != EpollConnection::State::kRelayed);
  close_connection(id, mode);
}

void EpollTransport::close_connection(base::SlotId id, CloseMode mode) {
  const EpollConnection& closing = connections_[id];
  if (mode == CloseMode::kReset && closing.family != base::Family::kUnix) {
    count(Syscall::kOption);
    socket::reset_on_close(closing.fd);
  }
  if (closing.exchanges) exchanges_.forget(id);
  // No EPOLL_CTL_DEL: nobody else has this descriptor, so closing it takes it out of the set.
  count(Syscall::kClose);
  ::close(closing.fd);
  if (closing.is_client) --clients_;
  connections_.erase(id);
  stats_.connections = connections_.size();
  listeners_.connection_closed();
}

RelayId EpollTransport::start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                                    RelayProgress& progress, Tag tag) {
  const base::SlotId id = relays_.emplace();
  CHECK(id.generation != 0);  // Half as many relays as connections: there is always room.
  Relay& relay = relays_[id];
  relay.sides = {&connection(client), &connection(upstream)};
  relay.connections = {to_slot(client), to_slot(upstream)};
  for (std::size_t side = 0; side < relay.sides.size(); ++side) {
    EpollConnection& joined = *relay.sides[side];
    CHECK(joined.state == EpollConnection::State::kOpen && !joined.exchanges);
    joined.state = EpollConnection::State::kRelayed;
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
  if (!runner_.start(relay, spec.preamble)) runner_.fail(relay, base::to_errno(ENOMEM));
  queue_ready(id, relay);
  return to_id<RelayId>(id);
}

void EpollTransport::abort(RelayId relay) {
  const base::SlotId id = to_slot(relay);
  Relay* aborted = relays_.find(id);
  if (aborted == nullptr) return;  // It ended first; that event is on its way.
  aborted->end = RelayEnd::kAborted;
  aborted->error = base::Errno::kNone;
  deferred_.push_back({.event = end_relay(id), .connection = {}});
}

void EpollTransport::exchange(ConnId conn, std::span<const std::byte> request,
                              std::size_t reply_bytes_max, Tag tag) {
  EpollConnection& asking = connection(conn);
  CHECK(asking.state == EpollConnection::State::kOpen);
  asking.exchanges = true;
  exchanges_.begin(to_slot(conn), request, reply_bytes_max, tag);
}

std::span<const std::byte> EpollTransport::reply(ConnId conn) const {
  return exchanges_.reply(to_slot(conn));
}

PathFacts EpollTransport::path(RelayId relay) {
  const Relay* asked = relays_.find(to_slot(relay));
  return asked == nullptr ? PathFacts{} : path_of(*asked);
}

PathFacts EpollTransport::path_of(const Relay& relay) {
  const EpollConnection& upstream = *relay.sides[kUpstreamSide];
  if (upstream.family == base::Family::kUnix) return {};
  count(Syscall::kOption);
  return socket::path_facts(upstream.fd);
}

void EpollTransport::wake() {
  const std::uint64_t one = 1;
  // A full counter (EAGAIN) has a wake waiting already.
  static_cast<void>(::write(wake_fd_.get(), &one, sizeof(one)) == sizeof(one));
}

// What calls between the polls left to do comes before the kernel is asked: a relay that was just
// started moves its first bytes without waiting for another round.
std::span<const Event> EpollTransport::poll(base::Nanos wait_max) {
  events_.clear();
  ++stats_.polls;
  deliver_deferred();
  report_returned();
  start_exchanges();
  run_ready();
  accept_draining();
  const int wait = wait_ms(wait_max);
  const base::Nanos before = wait == 0 ? now_ : base::monotonic_now();
  count(Syscall::kPoll);
  const int ready =
      ::epoll_wait(epoll_fd_.get(), kernel_events_.data(), static_cast<int>(kEpollEvents), wait);
  now_ = base::monotonic_now();
  if (wait != 0) stats_.waited += now_ - before;
  // EINTR comes back with nothing, like a poll that waited long enough.
  for (int i = 0; i < ready; ++i) handle(kernel_events_[static_cast<std::size_t>(i)]);
  if (!resets_.empty()) retry_resets();
  listeners_.resume_if_possible(has_room(), now_, events_);
  stats_.events += events_.size();
  return events_;
}

int EpollTransport::wait_ms(base::Nanos wait_max) const {
  if (!events_.empty() || !ready_.empty()) return 0;
  base::Nanos wait = std::min(wait_max, listeners_.wait_limit(has_room(), now_));
  for (const PendingReset& reset : resets_) wait = std::min(wait, reset.due - now_);
  if (wait == base::kForever) return -1;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return static_cast<int>(std::clamp<std::int64_t>(ms, 0, std::numeric_limits<int>::max()));
}

void EpollTransport::deliver_deferred() {
  for (Deferred& deferred : deferred_) {
    if (deferred.event.kind == EventKind::kConnected && deferred.connection.generation != 0) {
      EpollConnection* failed = connections_.find(deferred.connection);
      if (failed == nullptr) continue;  // Closed by its owner.
      failed->state = EpollConnection::State::kOpen;
      failed->lose(deferred.event.error);
      deferred.event.tag = failed->tag;
    }
    events_.push_back(deferred.event);
  }
  deferred_.clear();
}

void EpollTransport::start_exchanges() {
  for (const base::SlotId id : exchanges_.take_started()) {
    EpollConnection* asking = connections_.find(id);
    if (asking != nullptr) exchanges_.run(id, *asking, events_);
  }
}

void EpollTransport::run_ready() {
  std::swap(ready_, running_);
  for (const base::SlotId id : running_) {
    Relay* relay = relays_.find(id);
    if (relay == nullptr) continue;
    relay->queued = false;
    run_relay(id);
  }
  running_.clear();
}

void EpollTransport::queue_ready(base::SlotId id, Relay& relay) {
  if (std::exchange(relay.queued, true)) return;
  ready_.push_back(id);
}

void EpollTransport::handle(const epoll_event& event) {
  const Token token = Token::unpack(event.data.u64);
  switch (token.kind) {
    case Token::Kind::kConnection:
      handle_connection(token.id, event.events);
      break;
    case Token::Kind::kListener:
      if (listeners_.knows(token.id)) {
        accept_burst(token.id);
      } else {
        ++stats_.stale_events;
      }
      break;
    case Token::Kind::kWake:
      handle_wake();
      break;
  }
}

void EpollTransport::handle_wake() {
  std::uint64_t wakes = 0;
  if (::read(wake_fd_.get(), &wakes, sizeof(wakes)) != sizeof(wakes)) return;
  ++stats_.wakes;
  events_.push_back({.kind = EventKind::kWoken, .tag = {}});
}

void EpollTransport::handle_connection(base::SlotId id, std::uint32_t events) {
  EpollConnection* found = connections_.find(id);
  if (found == nullptr) {
    ++stats_.stale_events;
    return;
  }
  EpollConnection& connection = *found;
  if ((events & EPOLLOUT) != 0) connection.writable = true;
  if ((events & EPOLLIN) != 0) connection.readable = true;
  if ((events & (kEndings | EPOLLPRI)) != 0) {
    connection.readable = connection.read_to_end = true;
    if ((events & EPOLLPRI) != 0) connection.urgent = true;
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) connection.writable = true;
  }
  switch (connection.state) {
    case EpollConnection::State::kConnecting:
      finish_connect(connection, events);
      break;
    case EpollConnection::State::kOpen:
      if (connection.returned) {
        note_returned(id, events);
        break;
      }
      // An answer before the end that came behind it.
      if (connection.exchanges) exchanges_.run(id, connection, events_);
      report_close(connection, events);
      break;
    case EpollConnection::State::kRelayed: {
      Relay& relay = relays_[connection.relay];
      if ((events & EPOLLERR) != 0) runner_.look_for_reset(relay, connection.side);
      if (!relay.queued) run_relay(connection.relay);
      break;
    }
  }
}

void EpollTransport::accept_burst(base::SlotId listener) {
  const std::size_t free = options_.connections_max - connections_.size();
  const std::size_t room = std::min(free, options_.clients_max - clients_);
  const EpollListeners::Accepted accepted = listeners_.accept(listener, room, now_, events_);
  EpollConnection settings;
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

void EpollTransport::accept_draining() {
  // Backwards, because one that is empty leaves the list.
  for (std::size_t i = listeners_.draining().size(); i-- > 0;) {
    accept_burst(listeners_.draining()[i]);
  }
}

bool EpollTransport::has_room() const {
  return !connections_.full() && clients_ < options_.clients_max;
}

void EpollTransport::run_relay(base::SlotId id) {
  Relay& relay = relays_[id];
  switch (runner_.run(relay, now_)) {
    case Relay::Next::kWait:
      break;
    case Relay::Next::kAgain:
      queue_ready(id, relay);
      break;
    case Relay::Next::kLinger:
      linger(id, relay);
      break;
    case Relay::Next::kEnd:
      events_.push_back(end_relay(id));
      break;
  }
}

void EpollTransport::linger(base::SlotId id, Relay& relay) {
  if (std::exchange(relay.lingering, true)) return;
  resets_.push_back({.relay = id, .due = now_ + kResetLookMin, .interval = kResetLookMin});
  stats_.resets_pending = resets_.size();
}

void EpollTransport::retry_resets() {
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
Event EpollTransport::end_relay(base::SlotId id) {
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
ConnId EpollTransport::return_upstream(base::SlotId id) {
  EpollConnection& upstream = connections_[id];
  upstream.state = EpollConnection::State::kOpen;
  upstream.relay = {};
  upstream.returned = true;
  returned_.push_back({.connection = id, .events = 0});
  return to_id<ConnId>(id);
}

void EpollTransport::note_returned(base::SlotId id, std::uint32_t events) {
  for (Returned& returned : returned_) {
    if (returned.connection == id) returned.events |= events;
  }
}

void EpollTransport::report_returned() {
  for (const Returned& returned : returned_) {
    EpollConnection* found = connections_.find(returned.connection);
    if (found == nullptr) continue;
    found->returned = false;
    if (found->state == EpollConnection::State::kOpen) report_close(*found, returned.events);
  }
  returned_.clear();
}

}  // namespace backends::epoll
