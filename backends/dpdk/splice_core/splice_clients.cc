// Clients: the handshake by cookie, and what they send while they have no upstream.
#include <algorithm>
#include <limits>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/seq.h"
#include "backends/dpdk/splice_core/splice.h"

namespace backends::dpdk::splice_core {
namespace {

std::span<const std::byte> options_of(const Packet& packet, const Envelope& envelope,
                                      const Segment& segment) {
  return {packet.data + envelope.l4 + kTcpHeaderBytes, segment.header_bytes - kTcpHeaderBytes};
}

}  // namespace

template <typename Ip>
void Splice<Ip>::client_syn(Work<Ip>& work, const Segment& segment,
                            const Listening<Ip>& listening) {
  if (!listening.accepting) return drop(work, DropReason::kListenerPaused);
  if (!trusted(work)) return;
  const auto offered = parse_syn_options(options_of(*work.packet, work.envelope, segment));
  if (!offered) return drop(work, DropReason::kBadHeader);

  // Data in a SYN is not acknowledged: the client sends it again (no Fast Open).
  const HalfOpen<Ip> half{
      .flow = work.flow,
      .client_isn = segment.seq,
      .cookie = shared_.cookies.make(work.flow, segment.seq, *offered, shared_.now),
      .hop = work.packet->hop,
      .sack = offered->sack,
      .window_scale = offered->window_scale != kNoWindowScale};
  if (!half_open_.add(half, shared_.now)) ++shared_.stats.half_open_full;
  ++shared_.stats.cookies_sent;

  const SynOptions ours{.mss = own_mss(),
                        .window_scale = half.window_scale ? kOurWindowScale : kNoWindowScale,
                        .sack = half.sack};
  const OwnSegment answer{.seq = half.cookie,
                          .ack = segment.seq + 1,
                          .window = shared_.options.first_window,
                          .flags = kSyn | kAck,
                          .hop_limit = shared_.options.hop_limit,
                          .offered = &ours};
  // In the place of the SYN where it fits, which it does unless the SYN had no options at all.
  const std::size_t size = packet_bytes<Ip>(answer);
  if (size > work.packet->room) return send(work.flow, work.packet->hop, answer);
  write_packet(work.packet->data, work.flow, answer);
  work.packet->size = static_cast<std::uint32_t>(size);
  work.packet->verdict = Verdict::kSend;
}

template <typename Ip>
void Splice<Ip>::send_syn_ack(const HalfOpen<Ip>& half) {
  const SynOptions ours{.mss = own_mss(),
                        .window_scale = half.window_scale ? kOurWindowScale : kNoWindowScale,
                        .sack = half.sack};
  send(half.flow, half.hop,
       {.seq = half.cookie,
        .ack = half.client_isn + 1,
        .window = shared_.options.first_window,
        .flags = kSyn | kAck,
        .offered = &ours});
}

template <typename Ip>
void Splice<Ip>::client_ack(Work<Ip>& work, const Segment& segment,
                            const Listening<Ip>& listening) {
  if (!listening.accepting) return drop(work, DropReason::kListenerPaused);
  if (!trusted(work)) return;
  std::uint32_t first = segment.seq;
  auto offered = shared_.cookies.check(work.flow, first - 1, segment.ack - 1, shared_.now);
  // When the ACK and the first data are lost, or later data overtakes them, the cookie cannot be
  // checked without the client's own first number: a RST would end a good connection.
  const HalfOpen<Ip>* const half = offered ? nullptr : half_open_.find(work.flow);
  if (half != nullptr &&
      segment.seq - (half->client_isn + 1) <= std::uint32_t{shared_.options.first_window}) {
    first = half->client_isn + 1;
    offered = shared_.cookies.check(work.flow, half->client_isn, segment.ack - 1, shared_.now);
  }
  if (!offered) {
    ++shared_.stats.cookies_refused;
    return answer_stranger(work, segment, DropReason::kBadCookie);
  }
  // A goodbye that matches is mostly an old session's, which had no byte in either direction: only
  // from a client whose handshake is under way does it begin one.
  if (segment.has(kFin) && !half_open_.remove(work.flow)) {
    return answer_stranger(work, segment, DropReason::kNoState);
  }
  Leg<Ip> leg;
  leg.flow = work.flow;
  leg.token = listening.token;
  leg.send_next = segment.ack;
  leg.expected = first;
  leg.options = *offered;
  leg.window = segment.window;
  leg.hop = work.packet->hop;
  leg.side = Side::kClient;
  leg.state = LegState::kOpen;
  const base::SlotId id = add_leg(leg);
  if (id.generation == 0) return drop(work, DropReason::kTableFull);
  half_open_.remove(work.flow);
  ++shared_.stats.cookies_accepted;
  tell(CoreEventKind::kAccepted, id, leg, base::Errno::kNone);
  work.packet->verdict = Verdict::kDrop;  // Consumed.
  if (segment.length() > 0) keep_early(work, segment, id, legs_[id]);
}

template <typename Ip>
void Splice<Ip>::waiting_client(Work<Ip>& work, const Segment& segment, std::uint32_t slot) {
  const base::SlotId id = leg_id(slot);
  Leg<Ip>& leg = legs_[id];
  if (segment.has(kSyn)) {
    // Of the same handshake: our SYN-ACK crossed it. Anything else is a challenge (RFC 5961, 4.2).
    return challenge(work, leg, DropReason::kSynOnOpen);
  }
  if (!segment.has(kAck)) return drop(work, DropReason::kBadSequence);
  work.packet->verdict = Verdict::kDrop;
  const bool old = seq_before(segment.seq, leg.expected);
  if (segment.length() == 0 || (old && seq_at_or_before(segment.end(), leg.expected))) {
    // A window update, or a probe whether we are alive: those begin before what we expect.
    if (!old) leg.window = segment.window;
    if (old) {
      ++shared_.stats.probes_answered;
      send_leg(leg, kAck);
    }
    return;
  }
  keep_early(work, segment, id, leg);
}

// Keeps what continues what is kept, perhaps with some of it sent again. Its sender hears of it
// when the other side acknowledges.
template <typename Ip>
void Splice<Ip>::keep_early(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg) {
  if (!trusted(work)) return;
  work.packet->verdict = Verdict::kDrop;
  const bool client = leg.side == Side::kClient;
  const DropReason reason = client ? DropReason::kEarlyData : DropReason::kParkedData;
  const std::uint32_t edge = leg.expected + leg.early_bytes;
  if (leg.fin_came || seq_at_or_before(segment.end(), edge)) return;  // Sent again.
  if (seq_before(edge, segment.seq)) return drop(work, reason);       // Something was lost.
  const std::uint32_t bytes = segment.seq + segment.payload_bytes - edge;
  const bool fits =
      leg.early_bytes + bytes <= (client ? shared_.options.early_bytes_per_client : kParkedWindow);
  const std::uint32_t kept =
      fits ? shared_.early.add(leg.early_last, {work.packet->data, work.envelope.size})
           : EarlyStore::kNone;
  if (kept == EarlyStore::kNone) return drop(work, reason);
  ++shared_.stats.early_held;
  if (leg.early_first == EarlyStore::kNone) leg.early_first = kept;
  leg.early_last = kept;
  leg.early_bytes += bytes;
  leg.window = segment.window;
  if (segment.has(kFin)) {
    leg.fin_came = true;
    tell(CoreEventKind::kLegClosed, id, leg, base::Errno::kNone);
  }
}

template void Splice<Ip4>::client_syn(Work<Ip4>&, const Segment&, const Listening<Ip4>&);
template void Splice<Ip6>::client_syn(Work<Ip6>&, const Segment&, const Listening<Ip6>&);
template void Splice<Ip4>::client_ack(Work<Ip4>&, const Segment&, const Listening<Ip4>&);
template void Splice<Ip6>::client_ack(Work<Ip6>&, const Segment&, const Listening<Ip6>&);
template void Splice<Ip4>::waiting_client(Work<Ip4>&, const Segment&, std::uint32_t);
template void Splice<Ip6>::waiting_client(Work<Ip6>&, const Segment&, std::uint32_t);
template void Splice<Ip4>::keep_early(Work<Ip4>&, const Segment&, base::SlotId, Leg<Ip4>&);
template void Splice<Ip6>::keep_early(Work<Ip6>&, const Segment&, base::SlotId, Leg<Ip6>&);
template void Splice<Ip4>::send_syn_ack(const HalfOpen<Ip4>&);
template void Splice<Ip6>::send_syn_ack(const HalfOpen<Ip6>&);

}  // namespace backends::dpdk::splice_core
