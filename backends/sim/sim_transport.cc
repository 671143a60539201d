#include "backends/sim/sim_transport.h"

#include <algorithm>
#include <utility>

#include "backends/sim/sim_connect.h"
#include "base/assert.h"

namespace backends {
namespace {

constexpr std::size_t kListenersMax = 4096;
// Clients taken from one queue in one poll, as in the kernel engines: a flood of clients does not
// keep the relays waiting.
constexpr std::size_t kAcceptBurst = 16;

std::uint64_t to_number(base::SlotId id) {
  return (static_cast<std::uint64_t>(id.generation) << 32U) | id.slot;
}

base::SlotId to_slot(std::uint64_t number) {
  return {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(number >> 32U)};
}

template <typename Id>
base::SlotId to_slot(Id id) requires std::is_enum_v<Id> {
  return to_slot(static_cast<std::uint64_t>(id));
}

AcceptFailure failure_of(base::Errno error) {
  const int code = base::code_of(error);
  return code == EMFILE || code == ENFILE ? AcceptFailure::kDescriptors : AcceptFailure::kMemory;
}

}  // namespace

SimTransport::SimTransport(SimNetwork& network, const SimTransportOptions& options)
    : network_(network),
      options_(options),
      now_(network.now()),
      entries_(options.limits.connections_max),
      listeners_(kListenersMax),
      relays_(options.limits.connections_max / 2),
      exchanges_(network, stats_) {
  stats_.connections_max = options.limits.connections_max;
}

SimTransport::~SimTransport() {
  entries_.for_each([this](base::SlotId, const Entry& entry) { network_.reset(entry.socket); });
  listeners_.for_each([this](base::SlotId, const Listening& listening) {
    network_.close_listener(listening.listener);
  });
}

// --- Listeners.

base::Result<ListenerId> SimTransport::listen(const ListenSpec& spec, Tag tag) {
  const base::SlotId id = listeners_.emplace();
  if (id.generation == 0) return base::failure(base::to_errno(EMFILE));
  SimListen listen;
  listen.address = spec.address;
  listen.v6_only = spec.v6_only;
  listen.shared = true;
  listen.backlog = static_cast<std::size_t>(spec.backlog);
  listen.tcp = spec.tcp;
  const auto listener = network_.listen(listen, *this, to_number(id));
  if (!listener) {
    listeners_.erase(id);
    return base::failure(listener.error());
  }
  listeners_[id].listener = *listener;
  listeners_[id].tag = tag;
  return static_cast<ListenerId>(to_number(id));
}

base::Address SimTransport::local(ListenerId listener) const {
  const Listening* found = listeners_.find(to_slot(listener));
  CHECK(found != nullptr);
  return network_.local(found->listener);
}

void SimTransport::pause(ListenerId listener, bool paused) {
  const base::SlotId id = to_slot(listener);
  Listening& listening = listeners_[id];
  CHECK(listening.state != Listening::State::kDraining);
  listening.state = paused ? Listening::State::kPaused : Listening::State::kOpen;
  if (!paused) mark(listening, Kind::kListener, id);
}

void SimTransport::unlisten(ListenerId listener) {
  const base::SlotId id = to_slot(listener);
  Listening& listening = listeners_[id];
  CHECK(listening.state != Listening::State::kDraining);
  listening.state = Listening::State::kDraining;
  network_.unlisten(listening.listener);
  mark(listening, Kind::kListener, id);
}

// --- Connections.

Connection SimTransport::connect(const ConnectSpec& spec, Tag tag) {
  count(Syscall::kConnect);
  base::Errno refused = network_.exhausted();
  if (refused == base::Errno::kNone && entries_.full()) refused = base::to_errno(EMFILE);
  if (refused != base::Errno::kNone) {
    ++stats_.connects_refused;
    owed_.push_back({.kind = EventKind::kConnected, .error = refused, .tag = tag});
    return {};
  }
  const base::SlotId id = entries_.emplace();
  const auto socket = start_connect(network_, spec, *this, to_number(id), stats_);
  if (!socket) {
    entries_.erase(id);
    ++stats_.connects_refused;
    owed_.push_back({.kind = EventKind::kConnected, .error = socket.error(), .tag = tag});
    return {};
  }
  entries_[id].socket = *socket;
  entries_[id].tag = tag;
  stats_.connections = entries_.size();
  return {*this, static_cast<ConnId>(to_number(id))};
}

SimTransport::Entry& SimTransport::entry(ConnId conn) { return entries_[to_slot(conn)]; }

const SimTransport::Entry& SimTransport::entry(ConnId conn) const {
  const Entry* found = entries_.find(to_slot(conn));
  CHECK(found != nullptr);
  return *found;
}

void SimTransport::retag(ConnId conn, Tag tag) { entry(conn).tag = tag; }

base::Address SimTransport::peer(ConnId conn) const {
  return network_.socket(entry(conn).socket).remote;
}

base::Address SimTransport::local(ConnId conn) const {
  return network_.socket(entry(conn).socket).local;
}

base::Result<base::Address> SimTransport::original_destination(ConnId conn) const {
  const SimSocket& socket = network_.socket(entry(conn).socket);
  if (!socket.original_destination) return base::failure(base::to_errno(ENOENT));
  return *socket.original_destination;
}

bool SimTransport::alive(ConnId conn) {
  const SimSocket& socket = network_.socket(entry(conn).socket);
  return socket.state == SimState::kOpen && !socket.fin_received;
}

void SimTransport::close(ConnId conn, CloseMode mode) {
  const base::SlotId id = to_slot(conn);
  const Entry& closing = entries_[id];
  CHECK(closing.state != Entry::State::kRelayed);  // A relay consumed it.
  count(Syscall::kClose);
  switch (mode) {
    case CloseMode::kGraceful:
      network_.close(closing.socket);
      break;
    case CloseMode::kReset:
      network_.reset(closing.socket);
      break;
  }
  forget(id);
}

// The slot of a connection that is closed already.
void SimTransport::forget(base::SlotId id) {
  if (entries_[id].accepted) --clients_;
  exchanges_.forget(to_number(id));
  entries_.erase(id);
  stats_.connections = entries_.size();
  // There may be room for clients again.
  listeners_.for_each([this](base::SlotId listener, Listening& listening) {
    mark(listening, Kind::kListener, listener);
  });
}

// --- Relays.

RelayId SimTransport::start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                                  RelayProgress& progress, Tag tag) {
  for (const ConnId conn : {client, upstream}) {
    CHECK(entry(conn).state == Entry::State::kOpen);
    CHECK(!exchanges_.knows(static_cast<std::uint64_t>(conn)));
  }
  const base::SlotId id = relays_.emplace(
      SimRelay(network_, entry(client).socket, entry(upstream).socket, spec, progress), tag,
      to_slot(client), to_slot(upstream));
  CHECK(id.generation != 0);  // There are half as many as connections.
  for (const ConnId conn : {client, upstream}) {
    entry(conn).state = Entry::State::kRelayed;
    entry(conn).relay = id;
  }
  pairs_.push_back({network_.socket(entry(client).socket).other_number,
                    network_.socket(entry(upstream).socket).other_number});
  mark(relays_[id], Kind::kRelay, id);
  stats_.relays = relays_.size();
  stats_.held_bytes += relays_[id].relay.held_bytes();
  return static_cast<RelayId>(to_number(id));
}

void SimTransport::abort(RelayId relay) {
  const base::SlotId id = to_slot(relay);
  Relaying* found = relays_.find(id);
  if (found == nullptr) return;  // Its end is in the batch its owner is working on.
  found->relay.reset_both();
  Event aborted{.kind = EventKind::kRelayDone, .relay_end = RelayEnd::kAborted, .tag = found->tag};
  found->relay.sampled().write_to(aborted);
  owed_.push_back(aborted);
  forget_relay(id, RelayEnd::kAborted);
}

// The slots of a relay whose sockets are closed already; an upstream that was not used is open.
void SimTransport::forget_relay(base::SlotId id, RelayEnd end) {
  const Relaying& ended = relays_[id];
  stats_.held_bytes -= ended.relay.held_bytes();
  stats_.resets_pending -= ended.relay.reset_pending() ? 1 : 0;
  forget(ended.client);
  if (end == RelayEnd::kUnused) {
    entries_[ended.upstream].state = Entry::State::kOpen;
    entries_[ended.upstream].relay = {};
  } else {
    forget(ended.upstream);
  }
  relays_.erase(id);
  stats_.relays = relays_.size();
}

// --- Readiness.

template <typename Object>
void SimTransport::mark(Object& object, Kind kind, base::SlotId id) {
  if (object.ready) return;
  object.ready = true;
  ready_.push_back({kind, id});
}

void SimTransport::socket_ready(std::uint64_t cookie) {
  const base::SlotId id = to_slot(cookie);
  Entry& entry = entries_[id];
  if (entry.state == Entry::State::kRelayed) {
    mark(relays_[entry.relay], Kind::kRelay, entry.relay);
  } else {
    mark(entry, Kind::kConnection, id);
  }
}

void SimTransport::listener_ready(std::uint64_t cookie) {
  const base::SlotId id = to_slot(cookie);
  mark(listeners_[id], Kind::kListener, id);
}

bool SimTransport::has_work() const {
  return !ready_.empty() || !owed_.empty() || woken_.load(std::memory_order_acquire);
}

bool SimTransport::runnable() const {
  return has_work() || (deadline_ && *deadline_ <= network_.now());
}

void SimTransport::exchange(ConnId conn, std::span<const std::byte> request,
                            std::size_t reply_bytes_max, Tag tag) {
  Entry& asking = entry(conn);
  CHECK(asking.state == Entry::State::kOpen || asking.state == Entry::State::kFailed);
  exchanges_.begin(static_cast<std::uint64_t>(conn), request, reply_bytes_max, tag);
  mark(asking, Kind::kConnection, to_slot(conn));
}

std::span<const std::byte> SimTransport::reply(ConnId conn) const {
  return exchanges_.reply(static_cast<std::uint64_t>(conn));
}

PathFacts SimTransport::path(RelayId relay) {
  const Relaying* asked = relays_.find(to_slot(relay));
  return asked == nullptr ? PathFacts{} : asked->relay.path();
}

void SimTransport::wake() {
  woken_.store(true, std::memory_order_release);
  woken_.notify_one();
}

// --- poll.

void SimTransport::wait(base::Nanos wait_max) {
  // The caller counts from the time of its last poll. (With kDriven that poll returned at once, and
  // what passed since then was the wait.)
  const base::Nanos from = options_.clock == SimClock::kDriven ? now_ : network_.now();
  const base::Nanos until = wait_max > base::kForever - from ? base::kForever : from + wait_max;
  if (options_.clock == SimClock::kDriven) {
    deadline_ = until == base::kForever ? std::nullopt : std::optional(until);
    // After a poll with something in it the worker comes again, to say how long it would wait now.
    if (has_work()) deadline_ = network_.now();
    return;
  }
  while (!has_work()) {
    const std::optional<base::Nanos> next = network_.next_event();
    if (next && *next <= until) {
      network_.step();
    } else if (until != base::kForever) {
      network_.advance_to(until);
      return;
    } else {
      woken_.wait(false, std::memory_order_acquire);
    }
  }
}

std::span<const Event> SimTransport::poll(base::Nanos wait_max) {
  events_.clear();
  ++stats_.polls;
  count(Syscall::kPoll);
  wait(wait_max);
  stats_.waited += network_.now() - now_;  // Work takes no virtual time.
  now_ = network_.now();
  base::Prng& prng = network_.prng();
  const SimFaults& faults = options_.faults;
  if (prng.chance(faults.empty_poll)) return events_;
  if (woken_.exchange(false, std::memory_order_acq_rel)) {
    ++stats_.wakes;
    emit({.kind = EventKind::kWoken, .tag = {}});
  }
  for (const Event& event : std::exchange(owed_, {})) emit(event);
  const std::size_t batch =
      faults.cut_batches ? 1 + prng.below(faults.batch_max) : faults.batch_max;
  if (faults.shuffle) shuffle_ready();
  const std::vector<Ready> ready = std::exchange(ready_, {});
  std::size_t next = 0;
  while (next < ready.size() && events_.size() < batch) look_at(ready[next++]);
  // What did not fit comes first in the next poll.
  ready_.insert(ready_.begin(), ready.begin() + static_cast<std::ptrdiff_t>(next), ready.end());
  stats_.events += events_.size();
  return events_;
}

void SimTransport::shuffle_ready() {
  for (std::size_t i = ready_.size(); i > 1; --i) {
    std::swap(ready_[i - 1], ready_[network_.prng().below(i)]);
  }
}

void SimTransport::look_at(const Ready& ready) {
  switch (ready.kind) {
    case Kind::kConnection:
      return look_at_connection(ready.id);
    case Kind::kListener:
      return look_at_listener(ready.id);
    case Kind::kRelay:
      return look_at_relay(ready.id);
  }
  base::check_failed(__FILE__, __LINE__, "a kind of the enum");
}

void SimTransport::look_at_connection(base::SlotId id) {
  Entry* found = entries_.find(id);
  if (found == nullptr) {
    ++stats_.stale_events;
    return;
  }
  found->ready = false;
  if (found->state == Entry::State::kRelayed) return;  // The relay looks for itself.
  const SimSocket& socket = network_.socket(found->socket);
  if (found->state == Entry::State::kConnecting && socket.state != SimState::kConnecting) {
    // A reset right behind the handshake finds the connect complete (and then the reset).
    const bool failed = socket.state == SimState::kFailed;
    found->state = failed ? Entry::State::kFailed : Entry::State::kOpen;
    emit({.kind = EventKind::kConnected,
          .error = failed ? socket.error : base::Errno::kNone,
          .tag = found->tag});
  }
  // An answer before the end that came behind it.
  if (const auto exchanged = exchanges_.run(to_number(id), found->socket, options_.faults)) {
    emit(*exchanged);
  }
  if (found->state != Entry::State::kOpen) return;
  if (socket.fin_received && !std::exchange(found->fin_told, true)) {
    emit({.kind = EventKind::kPeerClosed, .tag = found->tag});
  }
  if (socket.state == SimState::kReset && !std::exchange(found->reset_told, true)) {
    emit({.kind = EventKind::kPeerClosed, .error = socket.error, .tag = found->tag});
  }
}

void SimTransport::look_at_listener(base::SlotId id) {
  Listening* listening = listeners_.find(id);
  if (listening == nullptr) return;
  listening->ready = false;
  const std::optional<AcceptFailure> failure = no_room();
  if (!failure && listening->stopped) {
    listening->stopped = false;
    if (listening->state != Listening::State::kDraining) {
      emit({.kind = EventKind::kAcceptResumed, .tag = listening->tag});
    }
  }
  if (listening->state == Listening::State::kPaused) return;
  for (std::size_t i = 0; i < kAcceptBurst; ++i) {
    if (!accept_one(*listening)) break;
  }
  if (network_.queued(listening->listener) > 0) {
    if (!listening->stopped) mark(*listening, Kind::kListener, id);
  } else if (listening->state == Listening::State::kDraining) {
    network_.close_listener(listening->listener);
    listeners_.erase(id);
  }
}

std::optional<AcceptFailure> SimTransport::no_room() const {
  if (network_.exhausted() != base::Errno::kNone) return failure_of(network_.exhausted());
  if (clients_ >= options_.limits.clients_max || entries_.full()) return AcceptFailure::kCapacity;
  return std::nullopt;
}

// False when the listener has no more clients for now.
bool SimTransport::accept_one(Listening& listening) {
  if (network_.queued(listening.listener) == 0) return false;
  if (const std::optional<AcceptFailure> failure = no_room()) {
    refuse_clients(listening, *failure);
    return false;
  }
  count(Syscall::kAccept);
  const base::SlotId id = entries_.emplace();
  const SimSocketId socket = network_.accept(listening.listener, *this, to_number(id));
  if (network_.socket(socket).state == SimState::kReset &&
      network_.prng().chance(options_.faults.accept_aborted)) {
    ++stats_.accept_failures[static_cast<std::size_t>(AcceptFailure::kAborted)];
    network_.close(socket);
    entries_.erase(id);
    return true;
  }
  Entry& accepted = entries_[id];
  accepted.socket = socket;
  accepted.state = Entry::State::kOpen;
  accepted.accepted = true;
  ++clients_;
  emit({.kind = EventKind::kAccepted,
        .tag = listening.tag,
        .conn = static_cast<ConnId>(to_number(id))});
  // Whatever came while it waited in the queue.
  mark(accepted, Kind::kConnection, id);
  return true;
}

void SimTransport::refuse_clients(Listening& listening, AcceptFailure failure) {
  if (std::exchange(listening.stopped, true)) return;
  ++stats_.accept_failures[static_cast<std::size_t>(failure)];
  if (listening.state == Listening::State::kDraining) return;
  const base::Errno error =
      failure == AcceptFailure::kCapacity ? base::to_errno(EMFILE) : network_.exhausted();
  emit({.kind = EventKind::kAcceptFailed, .error = error, .tag = listening.tag});
}

void SimTransport::look_at_relay(base::SlotId id) {
  Relaying* found = relays_.find(id);
  if (found == nullptr) {
    ++stats_.stale_events;
    return;
  }
  found->ready = false;
  SimRelay& relay = found->relay;
  stats_.held_bytes -= relay.held_bytes();
  stats_.resets_pending -= relay.reset_pending() ? 1 : 0;
  const SimRelay::Outcome outcome = relay.pump(options_.faults, stats_);
  stats_.held_bytes += relay.held_bytes();
  stats_.resets_pending += relay.reset_pending() ? 1 : 0;
  if (!outcome.end) {
    if (outcome.more) mark(*found, Kind::kRelay, id);
    return;
  }
  const bool unused = *outcome.end == RelayEnd::kUnused;
  Event done{.kind = EventKind::kRelayDone,
             .relay_end = *outcome.end,
             .error = outcome.error,
             .tag = found->tag,
             .conn = unused ? static_cast<ConnId>(to_number(found->upstream)) : ConnId::kNone};
  relay.sampled().write_to(done);
  emit(done);
  forget_relay(id, *outcome.end);
}

void SimTransport::emit(const Event& event) {
  network_.trace().record(now_, "event", static_cast<std::uint64_t>(event.kind),
                          to_number(event.tag.id));
  events_.push_back(event);
}

}  // namespace backends
