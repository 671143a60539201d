#include "backends/sim/sim_network.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace backends {
namespace {

// A SYN that meets a full queue is dropped and sent again after 1, 2, 4, ... seconds.
constexpr unsigned kSynRetriesMax = 6;
constexpr base::Nanos kSynRetry = std::chrono::seconds(1);
base::Address loopback(base::Family family) {
  base::Address address;
  address.ip.family = family;
  if (family == base::Family::kV4) {
    address.ip.bytes[0] = 127;
    address.ip.bytes[3] = 1;
  } else if (family == base::Family::kV6) {
    address.ip.bytes[15] = 1;
  }
  return address;
}

base::Address mapped(const base::Address& v4) {
  base::Address v6;
  v6.ip.family = base::Family::kV6;
  v6.ip.port = v4.ip.port;
  v6.ip.bytes[10] = v6.ip.bytes[11] = 0xff;
  std::copy_n(v4.ip.bytes.begin(), 4, v6.ip.bytes.begin() + 12);
  return v6;
}

// How well a listener's address fits a client's destination; 0: not at all.
int fit(const SimListen& listen, const base::Address& remote) {
  if (listen.address == remote) return 3;
  if (remote.family() == base::Family::kUnix || listen.address.ip.port != remote.ip.port) return 0;
  if (!base::is_wildcard(listen.address.ip)) return 0;
  if (listen.address.family() == remote.family()) return 2;
  const bool takes_v4 = listen.address.family() == base::Family::kV6 && !listen.v6_only;
  return takes_v4 && remote.family() == base::Family::kV4 ? 1 : 0;
}

}  // namespace

SimNetwork::SimNetwork(const SimNetworkOptions& options)
    : options_(options), prng_(options.seed), trace_(options.trace_text) {}

// --- Time.

std::optional<base::Nanos> SimNetwork::next_event() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.top().at;
}

bool SimNetwork::step() {
  if (pending_.empty()) return false;
  const Pending pending = pending_.top();
  pending_.pop();
  now_ = std::max(now_, pending.at);
  deliver(pending);
  return true;
}

void SimNetwork::run_until(base::Nanos time) {
  while (!pending_.empty() && pending_.top().at <= time) step();
  now_ = std::max(now_, time);
}

void SimNetwork::advance_to(base::Nanos time) {
  CHECK(pending_.empty() || pending_.top().at >= time);
  now_ = std::max(now_, time);
}

void SimNetwork::at(base::Nanos time, std::function<void()> action) {
  actions_.emplace(sequence_, std::move(action));
  schedule(time, What::kAction, {}, base::Errno::kNone);
}

void SimNetwork::schedule(base::Nanos at, What what, base::SlotId id, base::Errno error) {
  pending_.push({at, sequence_++, what, id, error});
}

base::Nanos SimNetwork::one_way(const SimPath& path) {
  return base::Nanos(static_cast<std::int64_t>(
      prng_.between(static_cast<std::uint64_t>(path.latency_min.count()),
                    static_cast<std::uint64_t>(path.latency_max.count()))));
}

void SimNetwork::deliver(const Pending& pending) {
  const SimSocketId id{pending.id};
  switch (pending.what) {
    case What::kSyn:
      return syn_arrives(id);
    case What::kEstablished:
      if (SimSocket* socket = sockets_.find(id.id)) {
        trace_.record(now_, "established", socket->number, 0);
        if (socket->state == SimState::kConnecting) socket->state = SimState::kOpen;
        notify(*socket);
        pump(id);
      }
      return;
    case What::kRefused:
    case What::kSilence:
      return reset_arrives(id, pending.error);
    case What::kSegment:
      return segment_arrives(id);
    case What::kAction: {
      trace_.record(now_, "action", 0, pending.sequence);
      auto node = actions_.extract(pending.sequence);
      node.mapped()();
      return;
    }
  }
  base::check_failed(__FILE__, __LINE__, "an event of the enum");
}

// --- Listeners.

base::Result<SimListenerId> SimNetwork::listen(const SimListen& listen, SimOwner& owner,
                                               std::uint64_t cookie) {
  if (const auto rule = listen_errors_.find(base::to_string(listen.address));
      rule != listen_errors_.end()) {
    if (rule->second.successes == 0) return base::failure(rule->second.error);
    --rule->second.successes;
  }
  SimListen actual = listen;
  if (actual.address.family() != base::Family::kUnix && actual.address.ip.port == 0) {
    actual.address.ip.port = next_port();
  }
  if (port_taken(actual)) return base::failure(base::to_errno(EADDRINUSE));
  const base::SlotId id = listeners_.emplace();
  CHECK(id.generation != 0);
  Listener& listener = listeners_[id];
  listener.listen = std::move(actual);
  listener.owner = &owner;
  listener.cookie = cookie;
  return SimListenerId{id};
}

const base::Address& SimNetwork::local(SimListenerId listener) const {
  const Listener* found = listeners_.find(listener.id);
  CHECK(found != nullptr);
  return found->listen.address;
}

void SimNetwork::unlisten(SimListenerId listener) { listeners_[listener.id].open = false; }

void SimNetwork::close_listener(SimListenerId listener) {
  for (const SimSocketId waiting : std::exchange(listeners_[listener.id].queue, {})) {
    at_id(waiting).queued = false;
    send_reset(waiting);
    forget_if_finished(waiting);
  }
  listeners_.erase(listener.id);
}

std::size_t SimNetwork::queued(SimListenerId listener) const {
  const Listener* found = listeners_.find(listener.id);
  CHECK(found != nullptr);
  return found->queue.size();
}

SimSocketId SimNetwork::accept(SimListenerId listener, SimOwner& owner, std::uint64_t cookie) {
  auto& queue = listeners_[listener.id].queue;
  CHECK(!queue.empty());
  const SimSocketId id = queue.front();
  queue.pop_front();
  SimSocket& socket = at_id(id);
  socket.queued = false;
  socket.owner = &owner;
  socket.cookie = cookie;
  return id;
}

bool SimNetwork::port_taken(const SimListen& listen) const {
  bool taken = false;
  // for_each is not const because a visitor may erase; this one does not.
  const_cast<SimNetwork*>(this)->listeners_.for_each([&](base::SlotId, const Listener& listener) {
    const bool overlap =
        fit(listener.listen, listen.address) > 0 || fit(listen, listener.listen.address) > 0;
    if (listener.open && overlap && !(listener.listen.shared && listen.shared)) taken = true;
  });
  return taken;
}

base::SlotId SimNetwork::find_listener(const base::Address& remote) {
  int best = 0;
  std::vector<base::SlotId> candidates;
  listeners_.for_each([&](base::SlotId id, const Listener& listener) {
    const int fits = listener.open ? fit(listener.listen, remote) : 0;
    if (fits == 0 || fits < best) return;
    if (fits > best) candidates.clear();
    best = fits;
    candidates.push_back(id);
  });
  return candidates.empty() ? base::SlotId{} : candidates[prng_.below(candidates.size())];
}

// --- The handshake.

base::Result<SimSocketId> SimNetwork::connect(const SimConnect& connect, SimOwner& owner,
                                              std::uint64_t cookie) {
  auto source = source_for(connect);
  if (!source) return base::failure(source.error());
  if (ports_used_up(*source, connect.remote)) return base::failure(base::to_errno(EADDRNOTAVAIL));
  const base::SlotId slot = sockets_.emplace();
  CHECK(slot.generation != 0);
  SimSocket& socket = sockets_[slot];
  socket.number = ++socket_number_;
  socket.owner = &owner;
  socket.cookie = cookie;
  socket.local = std::move(*source);
  socket.remote = connect.remote;
  socket.original_destination = connect.original_destination;
  socket.tcp = connect.tcp;
  socket.path = path_to(connect.remote);
  socket.send_max = connect.buffer_bytes > 0 ? connect.buffer_bytes : options_.send_buffer_bytes;
  socket.receive_max =
      connect.buffer_bytes > 0 ? connect.buffer_bytes : options_.receive_buffer_bytes;
  const base::Nanos there = now_ + one_way(socket.path);
  const base::Nanos back = there + one_way(socket.path);
  switch (socket.path.reach) {
    case SimReach::kNormal:
    case SimReach::kResets:
      schedule(there, What::kSyn, slot, base::Errno::kNone);
      break;
    case SimReach::kRefused:
      schedule(back, What::kRefused, slot, base::to_errno(ECONNREFUSED));
      break;
    case SimReach::kUnreachable:
      schedule(back, What::kRefused, slot, base::to_errno(EHOSTUNREACH));
      break;
    case SimReach::kBlackHole:
      schedule(now_ + kHandshakeTimeout, What::kRefused, slot, base::to_errno(ETIMEDOUT));
      break;
  }
  return SimSocketId{slot};
}

void SimNetwork::syn_arrives(SimSocketId id) {
  SimSocket* from = sockets_.find(id.id);
  if (from == nullptr) return;  // It was closed meanwhile.
  const base::Nanos back = now_ + one_way(from->path);
  if (from->path.reach == SimReach::kResets) {
    schedule(back, What::kEstablished, id.id, base::Errno::kNone);
    schedule(back + one_way(from->path), What::kSilence, id.id, base::to_errno(ECONNRESET));
    return;
  }
  Listener* listener = listeners_.find(find_listener(from->remote));
  if (listener == nullptr) {
    schedule(back, What::kRefused, id.id, base::to_errno(ECONNREFUSED));
  } else if (listener->queue.size() >= listener->listen.backlog) {
    syn_dropped(id);
  } else {
    enqueue(id, *from, *listener);
  }
}

void SimNetwork::syn_dropped(SimSocketId id) {
  SimSocket& socket = at_id(id);
  trace_.record(now_, "syn-dropped", socket.number, socket.syn_retries);
  const base::Nanos again = now_ + kSynRetry * (1U << socket.syn_retries);
  if (++socket.syn_retries > kSynRetriesMax) {
    schedule(again, What::kRefused, id.id, base::to_errno(ETIMEDOUT));
  } else {
    schedule(again, What::kSyn, id.id, base::Errno::kNone);
  }
}

void SimNetwork::enqueue(SimSocketId id, SimSocket& from, Listener& listener) {
  const base::SlotId slot = sockets_.emplace();
  CHECK(slot.generation != 0);
  SimSocket& accepted = sockets_[slot];
  const bool map = listener.listen.address.family() == base::Family::kV6 &&
                   from.remote.family() == base::Family::kV4;
  const std::size_t own = listener.listen.buffer_bytes;
  accepted.state = SimState::kOpen;
  accepted.number = ++socket_number_;
  accepted.other = id;
  accepted.local = map ? mapped(from.remote) : from.remote;
  accepted.remote = map ? mapped(from.local) : from.local;
  accepted.original_destination = from.original_destination;
  accepted.tcp = listener.listen.tcp;
  accepted.path = from.path;
  accepted.send_max = own > 0 ? own : options_.send_buffer_bytes;
  accepted.receive_max = own > 0 ? own : options_.receive_buffer_bytes;
  accepted.queued = true;
  accepted.other_number = from.number;
  from.other = SimSocketId{slot};
  from.other_number = accepted.number;
  listener.queue.push_back(SimSocketId{slot});
  trace_.record(now_, "queued", accepted.number, from.number);
  // The SYN-ACK goes first: nothing the accepting end sends overtakes it.
  accepted.last_arrival = now_ + one_way(from.path);
  schedule(accepted.last_arrival, What::kEstablished, id.id, base::Errno::kNone);
  listener.owner->listener_ready(listener.cookie);
}

base::Result<base::Address> SimNetwork::source_for(const SimConnect& connect) {
  const base::Family family = connect.remote.family();
  base::Address source = loopback(family);
  if (connect.source) {
    if (connect.source->family != family) return base::failure(base::to_errno(EINVAL));
    source.ip = *connect.source;
  }
  if (family != base::Family::kUnix) source.ip.port = next_port();
  return source;
}

std::uint16_t SimNetwork::next_port() {
  constexpr std::uint16_t kFirst = 32768;  // ip_local_port_range.
  constexpr std::uint16_t kLast = 60999;
  port_ = port_ < kFirst || port_ >= kLast ? kFirst : static_cast<std::uint16_t>(port_ + 1);
  return port_;
}

SimPath SimNetwork::path_to(const base::Address& address) const {
  const auto rule = paths_.find(base::to_string(address));
  if (rule != paths_.end()) return rule->second;
  if (address.family() != base::Family::kUnix) return options_.path;
  SimPath near = options_.path;
  near.latency_min = std::chrono::microseconds(1);
  near.latency_max = std::chrono::microseconds(5);
  return near;
}

// --- The weather.

void SimNetwork::set_path(const base::Address& address, const SimPath& path) {
  paths_.insert_or_assign(base::to_string(address), path);
}

void SimNetwork::set_ports(const base::Address& remote, std::size_t ports) {
  ports_.insert_or_assign(base::to_string(remote), ports);
}

bool SimNetwork::ports_used_up(const base::Address& source, const base::Address& remote) {
  const auto rule = ports_.find(base::to_string(remote));
  if (rule == ports_.end()) return false;
  std::size_t used = 0;
  sockets_.for_each([&](base::SlotId, const SimSocket& socket) {
    base::IpPort local = socket.local.ip;
    local.port = source.ip.port;
    if (socket.remote == remote && local == source.ip) ++used;
  });
  return used >= rule->second;
}

void SimNetwork::set_listen_error(const base::Address& address, base::Errno error,
                                  std::size_t successes) {
  const std::string where = base::to_string(address);
  if (error == base::Errno::kNone) {
    listen_errors_.erase(where);
  } else {
    listen_errors_.insert_or_assign(where, ListenError{error, successes});
  }
}

void SimNetwork::set_exhausted(base::Errno error) {
  exhausted_ = error;
  trace_.record(now_, "exhausted", 0, static_cast<std::uint64_t>(base::code_of(error)));
  if (error != base::Errno::kNone) return;
  listeners_.for_each(
      [](base::SlotId, Listener& listener) { listener.owner->listener_ready(listener.cookie); });
}

std::size_t SimNetwork::held_sockets() const {
  std::size_t held = 0;
  const_cast<SimNetwork*>(this)->sockets_.for_each(
      [&](base::SlotId, const SimSocket& socket) { held += socket.owner != nullptr ? 1 : 0; });
  return held;
}

}  // namespace backends
