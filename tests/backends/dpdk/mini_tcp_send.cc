// What the tests' TCP sends: segments, windows, retransmissions.
#include <algorithm>
#include <utility>

#include "backends/dpdk/splice_core/seq.h"
#include "tests/backends/dpdk/mini_tcp.h"

namespace dpdk_test {
namespace {

using backends::dpdk::splice_core::seq_before;

constexpr std::uint32_t kWindowFieldMax = 0xffff;
// NOPs, kind and length, and two edges for each block.
constexpr std::size_t kSackOptionBytes = 4 + 8 * kSackBlocksMax;
// A bound for one call; the window's end comes first.
constexpr std::size_t kSegmentsMax = 4096;

bool may_send(TcpState state) {
  switch (state) {
    case TcpState::kEstablished:
    case TcpState::kFinWait1:
    case TcpState::kCloseWait:
    case TcpState::kClosing:
    case TcpState::kLastAck:
      return true;
    case TcpState::kSynSent:
    case TcpState::kSynReceived:
    case TcpState::kFinWait2:
    case TcpState::kTimeWait:
    case TcpState::kClosed:
      break;
  }
  return false;
}

bool may_receive(TcpState state) {
  return state == TcpState::kEstablished || state == TcpState::kFinWait1 ||
         state == TcpState::kFinWait2;
}

}  // namespace

void MiniTcp::emit(const TcpSegment& segment) {
  if (outgoing_.size() >= kOutgoingMax) {
    ++stats_.outgoing_dropped;
    return;
  }
  ++stats_.sent;
  outgoing_.push_back(build_packet(segment, packet_id_++));
}

TcpSegment MiniTcp::blank(const Connection& connection, std::uint32_t seq,
                          std::uint8_t flags) const {
  TcpSegment segment;
  segment.source = connection.local;
  segment.destination = connection.remote;
  segment.seq = seq;
  segment.ack = connection.rcv_nxt;
  segment.flags = flags;
  return segment;
}

// The window's end that could be announced now, as the 16 bits can say it.
std::uint32_t MiniTcp::offered_edge(const Connection& connection) const {
  const std::size_t used = std::min(connection.unread.size(), connection.receive_limit);
  const std::size_t field = std::min<std::size_t>(
      (connection.receive_limit - used) >> connection.rcv_shift, kWindowFieldMax);
  return connection.rcv_nxt + static_cast<std::uint32_t>(field << connection.rcv_shift);
}

// The receiver's half of avoiding silly windows: the end moves by a segment or half the buffer.
bool MiniTcp::window_update_due(const Connection& connection) const {
  if (!may_receive(connection.state)) return false;
  const std::uint32_t edge = offered_edge(connection);
  if (!seq_before(connection.rcv_edge, edge)) return false;
  const std::size_t step = std::clamp<std::size_t>(connection.receive_limit / 2, 1, connection.mss);
  return edge - connection.rcv_edge >= step;
}

std::uint16_t MiniTcp::announce_window(Connection& connection) const {
  if (window_update_due(connection)) connection.rcv_edge = offered_edge(connection);
  // A FIN lies behind the last window that mattered.
  if (!seq_before(connection.rcv_nxt, connection.rcv_edge)) return 0;
  const std::uint32_t field = (connection.rcv_edge - connection.rcv_nxt) >> connection.rcv_shift;
  return static_cast<std::uint16_t>(std::min(field, kWindowFieldMax));
}

void MiniTcp::send_syn(Connection& connection) {
  const bool answer = connection.state == TcpState::kSynReceived;
  const auto flags = static_cast<std::uint8_t>(answer ? kSyn | kAck : kSyn);
  TcpSegment segment = blank(connection, connection.iss, flags);
  if (!answer) segment.ack = 0;
  // Never scaled in a SYN (RFC 7323, 2.2).
  const std::size_t window = std::min<std::size_t>(connection.receive_limit, kWindowFieldMax);
  segment.window = static_cast<std::uint16_t>(window);
  connection.rcv_edge = connection.rcv_nxt + segment.window;
  const bool v4 = connection.local.family == base::Family::kV4;
  if (options_.mss_option) segment.mss = static_cast<std::uint16_t>(options_.mtu - (v4 ? 40 : 60));
  if (connection.scale_on) segment.window_scale = connection.own_shift;
  segment.sack_permitted = connection.sack_on;
  emit(segment);
  arm(connection);
}

void MiniTcp::send_ack(Connection& connection) {
  // The highest number, also after a timeout went back: an older one would be out of the window.
  TcpSegment segment = blank(connection, connection.snd_max, kAck);
  segment.window = announce_window(connection);
  if (connection.sack_on) segment.sack_blocks = connection.early.blocks(kSackBlocksMax);
  emit(segment);
}

// An old number and nothing else: whoever is there answers with what it expects.
void MiniTcp::send_probe(Connection& connection, std::uint32_t seq) {
  TcpSegment segment = blank(connection, seq, kAck);
  segment.window = announce_window(connection);
  emit(segment);
}

void MiniTcp::send_data(Connection& connection, std::uint32_t seq, std::size_t size, bool fin) {
  TcpSegment segment = blank(connection, seq, kAck);
  const std::size_t offset = seq - connection.snd_una;
  segment.payload = connection.queue.front(offset + size).subspan(offset);
  if (offset + size == connection.queue.size() && size > 0) segment.flags |= kPsh;
  if (fin) segment.flags |= kFin;
  segment.window = announce_window(connection);
  if (connection.sack_on) segment.sack_blocks = connection.early.blocks(kSackBlocksMax);
  if (seq_before(seq, connection.snd_max)) ++stats_.retransmits;
  emit(segment);
  if (seq_before(connection.snd_max, segment.end())) connection.snd_max = segment.end();
}

void MiniTcp::send_reset(const TcpSegment& answered) {
  TcpSegment segment;
  segment.source = answered.destination;
  segment.destination = answered.source;
  if (answered.has(kAck)) {
    segment.seq = answered.ack;
    segment.flags = kRst;
  } else {
    segment.ack = answered.end();
    segment.flags = kRst | kAck;
  }
  ++stats_.resets_sent;
  emit(segment);
}

void MiniTcp::abort(Connection& connection) {
  if (connection.state != TcpState::kClosed && connection.state != TcpState::kSynSent) {
    ++stats_.resets_sent;
    emit(blank(connection, connection.snd_max, kRst | kAck));
  }
  finish(connection);
}

void MiniTcp::arm(Connection& connection) { connection.timer = now_ + connection.rto; }

void MiniTcp::output(Connection& connection) {
  if (!may_send(connection.state)) return;
  const std::size_t free =
      connection.send_limit - std::min(connection.send_limit, connection.queue.size());
  const auto taken = connection.pending.front(free);
  connection.queue.append(taken);
  connection.pending.discard(taken.size());

  const std::size_t window = std::min(connection.cwnd, connection.snd_wnd);
  const std::size_t options =
      connection.early.empty() || !connection.sack_on ? 0 : kSackOptionBytes;
  const std::size_t most = connection.mss - options;
  const bool fin_wanted = connection.fin_wanted && connection.pending.empty();
  bool unsent = false;
  for (std::size_t i = 0; i < kSegmentsMax; ++i) {
    const std::size_t offset = connection.snd_nxt - connection.snd_una;
    if (offset > connection.queue.size()) break;  // The FIN is under way too.
    const std::size_t room = window > offset ? window - offset : 0;
    const std::size_t available = connection.queue.size() - offset;
    const std::size_t size = std::min({available, room, most});
    const bool fin = fin_wanted && size == available && room > size;
    if (size == 0 && !fin) {
      unsent = available > 0 || fin_wanted;
      break;
    }
    send_data(connection, connection.snd_nxt, size, fin);
    connection.snd_nxt += static_cast<std::uint32_t>(size) + (fin ? 1U : 0U);
    if (fin && connection.state == TcpState::kEstablished) connection.state = TcpState::kFinWait1;
    if (fin && connection.state == TcpState::kCloseWait) connection.state = TcpState::kLastAck;
  }
  if (connection.snd_una == connection.snd_max && !unsent) {
    connection.timer = base::kForever;
  } else if (connection.timer == base::kForever) {
    arm(connection);  // For an answer, or for a window.
  }
}

void MiniTcp::retransmit_first(Connection& connection) {
  const std::size_t options =
      connection.early.empty() || !connection.sack_on ? 0 : kSackOptionBytes;
  const std::uint32_t sent = connection.snd_max - connection.snd_una;
  const std::size_t bytes = std::min<std::size_t>(sent, connection.queue.size());
  const std::size_t size = std::min<std::size_t>(bytes, connection.mss - options);
  const bool fin = size == connection.queue.size() && sent > connection.queue.size();
  ++stats_.fast_retransmits;
  send_data(connection, connection.snd_una, size, fin);
  arm(connection);
}

}  // namespace dpdk_test
