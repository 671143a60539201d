// What the tests' TCP does with a segment, in the order of RFC 9293, 3.10.7.
#include <algorithm>

#include "backends/dpdk/splice_core/seq.h"
#include "base/assert.h"
#include "tests/backends/dpdk/mini_tcp.h"

namespace dpdk_test {
namespace {

using backends::dpdk::splice_core::seq_at_or_before;
using backends::dpdk::splice_core::seq_before;

constexpr std::uint16_t kMssDefault4 = 536;  // RFC 9293, 3.7.1: without the option.
constexpr std::uint16_t kMssDefault6 = 1220;
constexpr std::uint8_t kShiftMax = 14;
constexpr std::uint32_t kDuplicateAcks = 3;

// RFC 9293's four cases, with Linux's kindness: what ends at rcv_nxt or begins at the window's end
// still counts for its acknowledgement.
bool in_window(const Connection& connection, const TcpSegment& segment) {
  return seq_at_or_before(connection.rcv_nxt, segment.end()) &&
         seq_at_or_before(segment.seq, connection.rcv_edge);
}

}  // namespace

void MiniTcp::receive(std::span<const std::byte> ip_packet, base::Nanos now) {
  now_ = now;
  ++stats_.received;
  const auto segment = read_packet(ip_packet);
  if (!segment) {
    switch (segment.error()) {
      case PacketFault::kBadIpChecksum:
        ++stats_.bad_ip_checksums;
        return;
      case PacketFault::kBadTcpChecksum:
        ++stats_.bad_tcp_checksums;
        return;
      case PacketFault::kMalformed:
      case PacketFault::kNotTcp:
        ++stats_.malformed;
        return;
    }
  }
  const auto found = flows_.find({segment->destination, segment->source});
  if (found == flows_.end()) {
    receive_new(*segment);
    return;
  }
  Connection& connection = connections_[found->second];
  // A port that is used again (RFC 9293, 3.10.7.4): only above what was received.
  if (connection.state == TcpState::kTimeWait && segment->has(kSyn) && !segment->has(kAck) &&
      seq_before(connection.rcv_nxt, segment->seq)) {
    finish(connection);
    receive_new(*segment);
    return;
  }
  if (connection.state == TcpState::kSynSent) {
    on_syn_sent(connection, *segment);
  } else {
    on_synchronized(connection, *segment);
  }
}

void MiniTcp::receive_new(const TcpSegment& segment) {
  if (segment.has(kRst)) return;
  const auto listener = listeners_.find(segment.destination);
  if (!segment.has(kSyn) || segment.has(kAck) || listener == listeners_.end()) {
    send_reset(segment);
    return;
  }
  Connection* connection = nullptr;
  if (listener->second.waiting.size() < options_.backlog) {
    connection = open({segment.destination, segment.source}, listener->second.socket);
  }
  if (connection == nullptr) {
    ++stats_.syns_dropped;
    return;
  }
  connection->state = TcpState::kSynReceived;
  negotiate(*connection, segment);
  send_syn(*connection);
}

void MiniTcp::negotiate(Connection& connection, const TcpSegment& syn) {
  const bool v4 = connection.local.family == base::Family::kV4;
  const std::uint16_t theirs = syn.mss.value_or(v4 ? kMssDefault4 : kMssDefault6);
  connection.mss = std::min(connection.mss, theirs);
  connection.sack_on = connection.sack_on && syn.sack_permitted;
  connection.scale_on = connection.scale_on && syn.window_scale.has_value();
  if (connection.scale_on) {
    connection.snd_shift = std::min(*syn.window_scale, kShiftMax);
    connection.rcv_shift = connection.own_shift;
  }
  connection.irs = syn.seq;
  connection.rcv_nxt = syn.seq + 1;
  connection.rcv_edge = connection.rcv_nxt;
  connection.snd_wnd = syn.window;
  connection.snd_wl1 = syn.seq;
  connection.snd_wl2 = syn.ack;
  connection.cwnd = options_.first_segments * connection.mss;
}

void MiniTcp::on_syn_sent(Connection& connection, const TcpSegment& segment) {
  const bool acked = segment.has(kAck) && segment.ack == connection.snd_max;
  if (segment.has(kAck) && !acked) {
    ++stats_.bad_acks;
    if (!segment.has(kRst)) send_reset(segment);
    return;
  }
  if (!acked) return;  // A simultaneous open or a stray: the far end will repeat itself.
  if (segment.has(kRst)) {
    on_reset(connection, segment);
    return;
  }
  if (!segment.has(kSyn)) return;
  // The SYN's window stays announced until the first acknowledgement, which announces all of it.
  negotiate(connection, segment);
  connection.state = TcpState::kEstablished;
  connection.snd_una = connection.snd_max;
  connection.retries = 0;
  connection.rto = options_.rto;
  connection.timer = base::kForever;
  send_ack(connection);
  output(connection);
}

void MiniTcp::challenge(Connection& connection) {
  ++stats_.challenge_acks;
  send_ack(connection);
}

void MiniTcp::on_synchronized(Connection& connection, const TcpSegment& segment) {
  if (segment.has(kSyn)) {
    const bool again = connection.state == TcpState::kSynReceived && !segment.has(kAck) &&
                       segment.seq == connection.irs;
    if (again) {
      send_syn(connection);
    } else if (!segment.has(kRst)) {
      challenge(connection);  // RFC 5961, 4: whatever its number.
    }
    return;
  }
  if (segment.has(kRst)) {
    if (segment.seq == connection.rcv_nxt) {
      on_reset(connection, segment);
    } else if (in_window(connection, segment)) {
      challenge(connection);  // RFC 5961, 3.
    }
    return;
  }
  if (!in_window(connection, segment)) {
    ++stats_.out_of_window;
    send_ack(connection);
    return;
  }
  if (!segment.has(kAck)) return;
  if (connection.state == TcpState::kSynReceived && !on_ack_of_syn(connection, segment)) return;
  if (!on_ack(connection, segment)) return;
  on_data(connection, segment);
  output(connection);
}

bool MiniTcp::on_ack_of_syn(Connection& connection, const TcpSegment& segment) {
  if (segment.ack != connection.snd_max) {
    ++stats_.bad_acks;
    send_reset(segment);
    return false;
  }
  const auto listener = listeners_.find(connection.local);
  if (listener == listeners_.end()) {
    abort(connection);
    return false;
  }
  connection.state = TcpState::kEstablished;
  connection.snd_una = connection.snd_max;
  connection.snd_wnd = std::uint32_t{segment.window} << connection.snd_shift;
  connection.retries = 0;
  connection.rto = options_.rto;
  connection.timer = base::kForever;
  connection.holder = Holder::kAcceptQueue;
  listener->second.waiting.push_back(connection.id);
  return true;
}

void MiniTcp::on_reset(Connection& connection, const TcpSegment& /*segment*/) {
  ++stats_.resets_received;
  // What came before it can still be read, as in Linux; a reader that looks now has it all.
  pull(connection, connection.unread.size());
  connection.was_reset = true;
  finish(connection);
}

void MiniTcp::check_sacks(const Connection& connection, const TcpSegment& segment) {
  for (const SackBlock& block : segment.sack_blocks) {
    const bool good = connection.sack_on && seq_before(block.begin, block.end) &&
                      seq_before(segment.ack, block.begin) &&
                      seq_at_or_before(block.end, connection.snd_max);
    ++(good ? stats_.sack_blocks : stats_.bad_sacks);
  }
}

// False when the segment is not to be looked at any further.
bool MiniTcp::on_ack(Connection& connection, const TcpSegment& segment) {
  if (seq_before(connection.snd_max, segment.ack)) {
    ++stats_.bad_acks;
    challenge(connection);
    return false;
  }
  check_sacks(connection, segment);
  const bool duplicate =
      segment.ack == connection.snd_una && segment.length() == 0 &&
      connection.snd_una != connection.snd_max && connection.snd_wnd > 0 &&
      std::uint32_t{segment.window} << connection.snd_shift == connection.snd_wnd;
  on_window(connection, segment);
  if (seq_before(connection.snd_una, segment.ack)) on_new_ack(connection, segment.ack);
  if (duplicate) on_duplicate_ack(connection);
  return connection.state != TcpState::kClosed;
}

void MiniTcp::on_window(Connection& connection, const TcpSegment& segment) {
  if (seq_before(segment.ack, connection.snd_una)) return;
  const bool newer =
      seq_before(connection.snd_wl1, segment.seq) ||
      (connection.snd_wl1 == segment.seq && seq_at_or_before(connection.snd_wl2, segment.ack));
  if (!newer) return;
  const bool was_closed = connection.snd_wnd == 0;
  connection.snd_wnd = std::uint32_t{segment.window} << connection.snd_shift;
  connection.snd_wl1 = segment.seq;
  connection.snd_wl2 = segment.ack;
  if (!was_closed || connection.snd_wnd == 0) return;
  connection.rto = options_.rto;
  connection.timer = base::kForever;  // No longer a probe's: output() arms it anew.
}

void MiniTcp::on_new_ack(Connection& connection, std::uint32_t ack) {
  const std::uint32_t acked = ack - connection.snd_una;
  const std::size_t bytes = std::min<std::size_t>(acked, connection.queue.size());
  const bool fin_acked = acked > bytes;
  connection.queue.discard(bytes);
  connection.snd_una = ack;
  if (seq_before(connection.snd_nxt, ack)) connection.snd_nxt = ack;
  connection.retries = 0;
  connection.rto = options_.rto;
  connection.timer = base::kForever;
  connection.duplicate_acks = 0;
  if (!connection.recover) {
    connection.cwnd = std::min(connection.cwnd + static_cast<std::uint32_t>(bytes),
                               options_.segments_max * connection.mss);
  } else if (seq_at_or_before(*connection.recover, ack)) {
    connection.recover.reset();
  } else {
    retransmit_first(connection);  // The next hole of the same loss (RFC 6582).
  }
  if (!fin_acked) return;
  if (connection.state == TcpState::kFinWait1) {
    connection.state = TcpState::kFinWait2;
    if (connection.user_closed) connection.linger = now_ + options_.fin_wait;
  } else if (connection.state == TcpState::kClosing) {
    connection.state = TcpState::kTimeWait;
    connection.linger = now_ + options_.time_wait;
  } else if (connection.state == TcpState::kLastAck) {
    finish(connection);
  }
}

void MiniTcp::on_duplicate_ack(Connection& connection) {
  if (++connection.duplicate_acks != kDuplicateAcks || connection.recover) return;
  connection.recover = connection.snd_max;
  connection.cwnd = std::max(connection.cwnd / 2, 4U * connection.mss);
  retransmit_first(connection);
}

void MiniTcp::on_data(Connection& connection, const TcpSegment& segment) {
  if (segment.length() == 0) return;
  if (connection.fin_received) {  // Sent again: the acknowledgement was lost.
    if (connection.state == TcpState::kTimeWait) connection.linger = now_ + options_.time_wait;
    send_ack(connection);
    return;
  }
  std::uint32_t seq = segment.seq;
  std::span<const std::byte> payload = segment.payload;
  if (seq_before(seq, connection.rcv_nxt)) {
    const std::size_t known = std::min<std::size_t>(connection.rcv_nxt - seq, payload.size());
    payload = payload.subspan(known);
    seq += static_cast<std::uint32_t>(known);
  }
  const std::size_t room =
      seq_before(seq, connection.rcv_edge) ? connection.rcv_edge - seq : std::uint32_t{0};
  const bool whole = payload.size() <= room;
  payload = payload.first(std::min(payload.size(), room));
  if (!payload.empty() && connection.user_closed) {
    abort(connection);  // Nobody will ever read it.
    return;
  }
  if (whole && segment.has(kFin)) {
    connection.fin_seq = seq + static_cast<std::uint32_t>(payload.size());
  }
  if (seq == connection.rcv_nxt && connection.early.empty()) {
    connection.unread.append(payload);
    connection.rcv_nxt += static_cast<std::uint32_t>(payload.size());
  } else {
    connection.early.insert(seq, payload);
    connection.rcv_nxt = connection.early.drain(connection.rcv_nxt, connection.unread);
  }
  if (connection.fin_seq == connection.rcv_nxt) on_fin(connection);
  send_ack(connection);
}

void MiniTcp::on_fin(Connection& connection) {
  connection.fin_received = true;
  ++connection.rcv_nxt;
  switch (connection.state) {
    case TcpState::kEstablished:
      connection.state = TcpState::kCloseWait;
      return;
    case TcpState::kFinWait1:
      connection.state = TcpState::kClosing;
      return;
    case TcpState::kFinWait2:
      connection.state = TcpState::kTimeWait;
      connection.linger = now_ + options_.time_wait;
      return;
    case TcpState::kSynSent:
    case TcpState::kSynReceived:
    case TcpState::kCloseWait:
    case TcpState::kClosing:
    case TcpState::kLastAck:
    case TcpState::kTimeWait:
    case TcpState::kClosed:
      break;
  }
  CHECK(false);  // No second FIN: fin_received.
}

}  // namespace dpdk_test
