// The user's side of the tests' TCP, and what time does to connections.
#include "tests/backends/dpdk/mini_tcp.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace dpdk_test {
namespace {

constexpr std::uint16_t kIp4AndTcpBytes = 40;
constexpr std::uint16_t kIp6AndTcpBytes = 60;
constexpr std::uint8_t kShiftMax = 14;
constexpr std::size_t kWindowFieldMax = 0xffff;

std::uint8_t shift_for(std::size_t buffer_bytes) {
  std::uint8_t shift = 0;
  while (shift < kShiftMax && buffer_bytes >> shift > kWindowFieldMax) ++shift;
  return shift;
}

}  // namespace

std::size_t MiniTcp::AddressHash::operator()(const base::IpPort& address) const {
  std::uint64_t hash = address.port;
  for (const std::uint8_t byte : address.bytes) hash = hash * 0x100000001b3U + byte;
  return base::splitmix64(hash);
}

std::size_t MiniTcp::AddressHash::operator()(const Flow& flow) const {
  return base::splitmix64((*this)(flow.local)) ^ (*this)(flow.remote);
}

MiniTcp::MiniTcp(const MiniTcpOptions& options)
    : options_(options), prng_(options.seed), connections_(options.connections_max) {
  CHECK(options.buffer_bytes > 0 && options.mtu > kIp6AndTcpBytes);
}

const Connection& MiniTcp::at(base::SlotId id) const {
  const Connection* connection = connections_.find(id);
  CHECK(connection != nullptr);
  return *connection;
}

Connection* MiniTcp::open(const Flow& flow, const SocketOptions& socket) {
  if (const auto found = flows_.find(flow); found != flows_.end()) {
    Connection& old = connections_[found->second];
    if (old.state != TcpState::kTimeWait) return nullptr;
    finish(old);
  }
  const base::SlotId id = connections_.emplace();
  if (id.generation == 0) return nullptr;
  flows_.emplace(flow, id);
  Connection& connection = connections_[id];
  connection.id = id;
  connection.local = flow.local;
  connection.remote = flow.remote;
  const std::size_t bytes = socket.buffer_bytes > 0 ? socket.buffer_bytes : options_.buffer_bytes;
  connection.send_limit = connection.receive_limit = bytes;
  connection.own_shift = options_.window_shift.value_or(shift_for(bytes));
  connection.scale_on = options_.window_scale;
  connection.sack_on = options_.sack;
  const bool v4 = flow.local.family == base::Family::kV4;
  connection.mss =
      static_cast<std::uint16_t>(options_.mtu - (v4 ? kIp4AndTcpBytes : kIp6AndTcpBytes));
  connection.iss = socket.isn.value_or(static_cast<std::uint32_t>(prng_.next()));
  connection.snd_una = connection.iss;
  connection.snd_nxt = connection.snd_max = connection.iss + 1;
  connection.rto = options_.rto;
  return &connection;
}

void MiniTcp::finish(Connection& connection) {
  if (connection.state != TcpState::kClosed) {
    flows_.erase({connection.local, connection.remote});
  }
  connection.state = TcpState::kClosed;
  connection.timer = connection.linger = base::kForever;
  connection.pending.clear();
  connection.queue.clear();
}

void MiniTcp::listen(const base::IpPort& local, const SocketOptions& socket) {
  const bool added = listeners_.try_emplace(local, Listener{socket, {}}).second;
  CHECK(added);
}

void MiniTcp::unlisten(const base::IpPort& local) {
  const auto found = listeners_.find(local);
  CHECK(found != listeners_.end());
  for (const base::SlotId id : found->second.waiting) {
    Connection& connection = connections_[id];
    connection.holder = Holder::kNobody;
    abort(connection);
  }
  listeners_.erase(found);
}

std::optional<base::SlotId> MiniTcp::accept(const base::IpPort& local) {
  const auto found = listeners_.find(local);
  if (found == listeners_.end() || found->second.waiting.empty()) return std::nullopt;
  const base::SlotId id = found->second.waiting.front();
  found->second.waiting.pop_front();
  connections_[id].holder = Holder::kUser;
  return id;
}

std::optional<base::SlotId> MiniTcp::connect(const base::IpPort& local, const base::IpPort& remote,
                                             const SocketOptions& socket) {
  Connection* connection = open({local, remote}, socket);
  if (connection == nullptr) return std::nullopt;
  connection->holder = Holder::kUser;
  connection->state = TcpState::kSynSent;
  send_syn(*connection);
  return connection->id;
}

void MiniTcp::release(base::SlotId id) {
  close(id);
  connections_[id].holder = Holder::kNobody;
}

void MiniTcp::send(base::SlotId id, std::span<const std::byte> bytes) {
  Connection& connection = connections_[id];
  CHECK(!connection.fin_wanted);
  if (connection.state != TcpState::kClosed) connection.pending.append(bytes);
}

std::size_t MiniTcp::in_flight(base::SlotId id) const {
  const Connection& connection = at(id);
  return connection.pending.size() + connection.queue.size();
}

std::size_t MiniTcp::unsent(base::SlotId id) const {
  const Connection& connection = at(id);
  const std::size_t sent = connection.snd_max - connection.snd_una;  // A FIN is behind all bytes.
  return in_flight(id) - std::min(sent, connection.queue.size());
}

void MiniTcp::read(base::SlotId id, bool on, std::size_t read_max) {
  Connection& connection = connections_[id];
  connection.reading = on;
  connection.read_max = read_max;
}

const std::vector<std::byte>& MiniTcp::received(base::SlotId id) const { return at(id).received; }
void MiniTcp::forget_received(base::SlotId id) { connections_[id].received.clear(); }

void MiniTcp::shutdown_write(base::SlotId id) { connections_[id].fin_wanted = true; }

void MiniTcp::close(base::SlotId id) {
  Connection& connection = connections_[id];
  if (std::exchange(connection.user_closed, true)) return;
  switch (connection.state) {
    case TcpState::kClosed:
    case TcpState::kTimeWait:
      return;
    case TcpState::kSynSent:
      finish(connection);
      return;
    case TcpState::kSynReceived:
      abort(connection);
      return;
    case TcpState::kEstablished:
    case TcpState::kFinWait1:
    case TcpState::kFinWait2:
    case TcpState::kCloseWait:
    case TcpState::kClosing:
    case TcpState::kLastAck:
      break;
  }
  if (!connection.unread.empty()) {
    abort(connection);
    return;
  }
  connection.pending.clear();
  connection.fin_wanted = true;
  if (connection.state == TcpState::kFinWait2) connection.linger = now_ + options_.fin_wait;
  output(connection);
}

void MiniTcp::reset(base::SlotId id) {
  Connection& connection = connections_[id];
  connection.user_closed = true;
  abort(connection);
}

void MiniTcp::keepalive(base::SlotId id) {
  Connection& connection = connections_[id];
  if (connection.state == TcpState::kClosed || connection.state == TcpState::kSynSent) return;
  send_probe(connection, connection.snd_max - 1);
}

bool MiniTcp::connected(base::SlotId id) const {
  const Connection& connection = at(id);
  return connection.state != TcpState::kSynSent && connection.state != TcpState::kSynReceived &&
         connection.state != TcpState::kClosed;
}

bool MiniTcp::eof(base::SlotId id) const { return at(id).eof; }
bool MiniTcp::was_reset(base::SlotId id) const { return at(id).was_reset; }
bool MiniTcp::timed_out(base::SlotId id) const { return at(id).timed_out; }

ConnectionView MiniTcp::view(base::SlotId id) const {
  const Connection& connection = at(id);
  return {connection.state,   connection.snd_una,  connection.snd_max, connection.snd_wnd,
          connection.rcv_nxt, connection.rcv_edge, connection.mss};
}

bool MiniTcp::next_packet(std::vector<std::byte>& out) {
  if (outgoing_.empty()) return false;
  out = std::move(outgoing_.front());
  outgoing_.pop_front();
  return true;
}

void MiniTcp::pull(Connection& connection, std::size_t most) {
  if (!connection.reading || connection.user_closed) return;
  const auto bytes = connection.unread.front(most);
  connection.received.insert(connection.received.end(), bytes.begin(), bytes.end());
  stats_.read += bytes.size();
  connection.unread.discard(bytes.size());
  connection.eof = connection.fin_received && connection.unread.empty();
}

void MiniTcp::tick(base::Nanos now) {
  now_ = now;
  connections_.for_each([this](base::SlotId id, Connection& connection) {
    pull(connection, connection.read_max);
    if (connection.linger <= now_) finish(connection);
    if (connection.timer <= now_) on_timer(connection);
    if (window_update_due(connection)) send_ack(connection);
    output(connection);
    const bool gone = connection.state == TcpState::kClosed && connection.holder == Holder::kNobody;
    if (gone) connections_.erase(id);
  });
}

void MiniTcp::on_timer(Connection& connection) {
  const bool handshake =
      connection.state == TcpState::kSynSent || connection.state == TcpState::kSynReceived;
  connection.timer = base::kForever;
  connection.rto = std::min(connection.rto * 2, options_.rto_max);
  // A closed window is no silence: probes are answered, and go on for ever (RFC 9293, 3.8.6.1).
  if (!handshake && connection.snd_wnd == 0) {
    ++stats_.probes;
    connection.snd_nxt = connection.snd_una;
    send_probe(connection, connection.snd_una - 1);
    arm(connection);
    return;
  }
  if (++connection.retries > options_.retries_max) {
    connection.timed_out = true;
    finish(connection);
    return;
  }
  ++stats_.timeouts;
  if (handshake) {
    ++stats_.retransmits;
    send_syn(connection);
    return;
  }
  connection.snd_nxt = connection.snd_una;
  connection.cwnd = 2U * connection.mss;
  connection.duplicate_acks = 0;
  connection.recover.reset();
  output(connection);
}

}  // namespace dpdk_test
