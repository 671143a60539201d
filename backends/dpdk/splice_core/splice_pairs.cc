// Joined connections: every segment of a session passes here. What is noted of it is what an exact
// RST and a count of bytes need; numbers that cannot be true are passed on, because the endpoints
// judge better, but change nothing here (facts/dpdk.md, 2.5; RFC 5961).
#include <algorithm>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/seq.h"
#include "backends/dpdk/splice_core/splice.h"
#include "backends/dpdk/splice_core/translate.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk::splice_core {
namespace {

constexpr std::int32_t distance(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}

// The largest window that a side with this scale can give.
constexpr std::int32_t window_max(std::uint8_t scale) {
  return scale == kNoWindowScale ? 0xffff : std::int32_t{0xffff} << scale;
}

}  // namespace

// The usual segment, and the only one that counts for speed: of an open pair, without a FIN on
// either side, with ACK and perhaps PSH, without options, and believable. It does what
// pair_segment() would do, with the side as a constant and nothing looked at twice. False: nothing
// was done.
template <typename Ip>
template <Side From>
bool Splice<Ip>::pass_plain(Work<Ip>& work, std::uint32_t slot) {
  const std::size_t s = index_of(From);
  const std::size_t r = index_of(other(From));
  constexpr std::uint32_t kOffsetBits = 0xf0;
  constexpr std::uint32_t kNoOptions = 0x50;
  Packet& packet = *work.packet;
  Pair<Ip>& pair = pairs_[slot];
  // Data offset, flags and window: bytes in memory order.
  const auto word = load_raw<std::uint32_t>(packet.data + work.envelope.l4 + 12);
  const auto flags = static_cast<std::uint8_t>(word >> 8U);
  if ((word & kOffsetBits) != kNoOptions || (flags & ~kPsh) != kAck ||
      pair.state != PairState::kOpen || (pair.flags & ~kNoted) != 0) {
    return false;
  }
  const std::byte* const tcp = packet.data + work.envelope.l4;
  const std::uint32_t seq = load32(tcp + 4);
  const std::uint32_t ack = load32(tcp + 8);
  const auto bytes = static_cast<std::int32_t>(work.envelope.size - work.envelope.l4) -
                     static_cast<std::int32_t>(kTcpHeaderBytes);
  const std::uint32_t end = seq + static_cast<std::uint32_t>(bytes);

  const std::int32_t ahead = distance(pair.acked[r], seq + pair.seq_shift[s]);
  const std::int32_t window = window_max(pair.window_scale[r]);
  const std::int32_t acknowledged = distance(pair.acked[s], ack);
  const std::int32_t outstanding = distance(pair.acked[s], pair.sent[r] + pair.seq_shift[r]);
  if (ahead < -window || ahead + bytes > window + 1 || acknowledged > outstanding ||
      acknowledged < -window_max(pair.window_scale[s])) {
    return false;
  }
  if (From == Side::kClient && skipping(pair)) return false;

  const bool farther = bytes > 0 && distance(pair.sent[s], end) > 0;
  if (farther) pair.sent[s] = end;
  if (acknowledged > 0) pair.acked[s] = ack;
  if (farther || acknowledged > 0) {
    pair.active = shared_.seconds;
    note(pair, slot);
  }

  const std::uint16_t theirs = swap_bytes(static_cast<std::uint16_t>(word >> 16U));
  const std::uint8_t ours =
      pair.window_scale[r] == kNoWindowScale ? kNoWindowScale : kOurWindowScale;
  if (From == Side::kClient) pair.client_window = theirs;
  if (pair.hop[s] != packet.hop) pair.hop[s] = packet.hop;
  rewrite_plain<Ip>(
      packet.data, work.envelope.l4,
      {.source = pair.local[r],
       .target = pair.remote[r],
       .ports = std::uint32_t{pair.local_port[r]} | (std::uint32_t{pair.remote_port[r]} << 16U),
       .seq = seq + pair.seq_shift[s],
       .ack = ack - pair.seq_shift[r],
       .window = rescale_window(theirs, pair.window_scale[s], ours),
       .hop_limit = shared_.options.hop_limit});
  packet.hop = pair.hop[r];
  packet.size = work.envelope.size;
  packet.verdict = Verdict::kSend;
  ++shared_.stats.translated;
  return true;
}

template <typename Ip>
void Splice<Ip>::pair_segment(Work<Ip>& work, Segment segment, std::uint32_t slot, Side from) {
  Pair<Ip>& pair = pairs_[slot];
  if (segment.has(kSyn)) return pair_syn(work, segment, slot, from);
  if (segment.has(kRst)) return pair_reset(work, segment, slot, from);
  if (!segment.has(kAck)) return drop(work, DropReason::kBadSequence);
  // Where more than numbers changes the checksum is looked at: the FIN, the end of the header's
  // repeating, the acknowledgement of a FIN.
  if ((segment.has(kFin) || decides(pair, segment, from)) && !trusted(work)) return;
  if (from == Side::kClient && (pair.state == PairState::kHeaderSent || skipping(pair)) &&
      !take_skipped(work, segment, pair)) {
    return;
  }
  if (believable(pair, segment, from)) note_progress(pair, slot, segment, from);
  pass_on(work, segment, pair, from);
  constexpr std::uint8_t kAllAcked = kFinAckedByClient | kFinAckedByUpstream;
  if ((pair.flags & kAllAcked) == kAllAcked && pair.state != PairState::kLingering) {
    end_pair(slot, PairEnd::kBothClosed);
  }
}

// The acknowledgement that says that the PROXY header has arrived, or the other side's FIN.
template <typename Ip>
bool Splice<Ip>::decides(const Pair<Ip>& pair, const Segment& segment, Side from) const {
  const std::size_t s = index_of(from);
  const std::size_t r = index_of(other(from));
  if (pair.state == PairState::kHeaderSent && from == Side::kUpstream) {
    return seq_at_or_before(pair.acked[s], segment.ack);
  }
  return (pair.flags & fin_from(other(from))) != 0 && (pair.flags & fin_acked_by(from)) == 0 &&
         segment.ack == pair.sent[r] + pair.seq_shift[r];
}

// Within the windows of both, as far as we can know them.
template <typename Ip>
bool Splice<Ip>::believable(const Pair<Ip>& pair, const Segment& segment, Side from) const {
  const std::size_t s = index_of(from);
  const std::size_t r = index_of(other(from));
  const std::int32_t ahead = distance(pair.acked[r], segment.seq + pair.seq_shift[s]);
  const std::int32_t window = window_max(pair.window_scale[r]);
  if (ahead < -window ||
      ahead + static_cast<std::int32_t>(segment.length()) > window + 1) {  // A FIN may lie behind.
    return false;
  }
  const std::int32_t acknowledged = distance(pair.acked[s], segment.ack);
  const std::int32_t outstanding = distance(pair.acked[s], pair.sent[r] + pair.seq_shift[r]);
  // Negative while skipped bytes are still to come.
  return acknowledged <= std::max(outstanding, 0) &&
         acknowledged >= -window_max(pair.window_scale[s]);
}

template <typename Ip>
void Splice<Ip>::note_progress(Pair<Ip>& pair, std::uint32_t slot, const Segment& segment,
                               Side from) {
  const std::size_t s = index_of(from);
  const std::size_t r = index_of(other(from));
  if (pair.state < PairState::kOpen && from == Side::kUpstream &&
      seq_at_or_before(pair.acked[s], segment.ack)) {
    pair.state = PairState::kOpen;
  }
  bool moved = false;
  const bool farther = segment.length() > 0 && distance(pair.sent[s], segment.end()) > 0;
  if (farther && segment.payload_bytes > 0) {
    pair.active = shared_.seconds;
    moved = true;
  }
  if (segment.has(kFin)) {
    // The end, whatever a damaged segment has said before.
    moved |= (pair.flags & fin_from(from)) == 0;
    pair.flags |= fin_from(from);
    pair.sent[s] = segment.end();
  } else if (farther && (pair.flags & fin_from(from)) == 0) {
    pair.sent[s] = segment.end();
  }
  if (distance(pair.acked[s], segment.ack) > 0) {
    pair.acked[s] = segment.ack;
    pair.active = shared_.seconds;
    moved = true;
  }
  if ((pair.flags & fin_from(other(from))) != 0 &&
      segment.ack == pair.sent[r] + pair.seq_shift[r]) {
    pair.flags |= fin_acked_by(from);
  }
  if (moved) note(pair, slot);
}

template <typename Ip>
void Splice<Ip>::note(Pair<Ip>& pair, std::uint32_t slot) {
  if (!shared_.options.report_advance || (pair.flags & kNoted) != 0) return;
  pair.flags |= kNoted;
  shared_.events.push_back(
      {.kind = CoreEventKind::kAdvanced, .leg = {}, .pair = id_of(slot), .facts = {}});
}

template <typename Ip>
void Splice<Ip>::pass_on(Work<Ip>& work, const Segment& segment, Pair<Ip>& pair, Side from) {
  const std::size_t s = index_of(from);
  const std::size_t r = index_of(other(from));
  Packet& packet = *work.packet;
  std::uint32_t ack = segment.ack;
  // An upstream that has only part of the PROXY header acknowledges nothing of the client's.
  if (pair.state == PairState::kHeaderSent && from == Side::kUpstream &&
      seq_before(ack, pair.acked[s])) {
    ack = pair.acked[s];
  }
  // And before the skipped bytes have come, the client hears of those that have.
  if (from == Side::kUpstream && skipping(pair)) ack = pair.sent[r] + pair.seq_shift[r];
  const std::uint8_t ours =
      pair.window_scale[r] == kNoWindowScale ? kNoWindowScale : kOurWindowScale;
  const bool lacks_sack =
      (pair.flags & (from == Side::kClient ? kUpstreamLacksSack : kClientLacksSack)) != 0;
  const Rewrite change{.seq = segment.seq + pair.seq_shift[s],
                       .ack = segment.has(kAck) ? ack - pair.seq_shift[r] : segment.ack,
                       .sack_shift = 0U - pair.seq_shift[r],
                       .blank_sack = lacks_sack,
                       .window = rescale_window(segment.window, pair.window_scale[s], ours),
                       .hop_limit = shared_.options.hop_limit};
  const FlowKey<Ip> towards = pair.flow(other(from));
  const RewriteFound found = rewrite(packet.data, work.envelope, segment, towards, change);
  if (found.sack_blocks != 0) {
    (lacks_sack ? shared_.stats.sack_blanked : shared_.stats.sack_shifted) += found.sack_blocks;
  }
  if (from == Side::kClient) pair.client_window = segment.window;
  if (pair.hop[s] != packet.hop) pair.hop[s] = packet.hop;
  packet.hop = pair.hop[r];
  packet.size = work.envelope.size;
  packet.verdict = Verdict::kSend;
  ++shared_.stats.translated;
}

template <typename Ip>
void Splice<Ip>::pair_reset(Work<Ip>& work, Segment segment, std::uint32_t slot, Side from) {
  if (!trusted(work)) return;
  Pair<Ip>& pair = pairs_[slot];
  const std::size_t s = index_of(from);
  const std::size_t r = index_of(other(from));
  // A client that leaves before it has sent what is skipped: the upstream expects what comes
  // behind.
  if (from == Side::kClient && skipping(pair) && segment.seq == pair.sent[s]) {
    segment.seq = pair.acked[r] - pair.seq_shift[s];
    pair.sent[s] = segment.seq;
  }
  // Exact is what the receiver expects: its last acknowledgement, or any number up to the end of
  // what was sent to it since (it may have that already and its acknowledgement be on the way).
  // Anybody else's guess has to hit those few of 2^32; the receiver judges what is passed on.
  const std::uint32_t number = segment.seq + pair.seq_shift[s];
  const bool exact = seq_at_or_before(pair.acked[r], number) &&
                     seq_at_or_before(number, pair.sent[s] + pair.seq_shift[s]);
  pass_on(work, segment, pair, from);
  if (!exact) return shared_.stats.drop(DropReason::kBadSequence);
  if (pair.state == PairState::kLingering) return free_pair(slot);
  end_pair(slot, from == Side::kClient ? PairEnd::kClientReset : PairEnd::kUpstreamReset);
}

template <typename Ip>
void Splice<Ip>::pair_syn(Work<Ip>& work, const Segment& segment, std::uint32_t slot, Side from) {
  Pair<Ip>& pair = pairs_[slot];
  const bool first_syn = !segment.has(kAck);
  if (from == Side::kClient && first_syn && pair.state == PairState::kLingering) {
    // The client uses its port again: the old session is over (RFC 9293, 3.6.1).
    if (!trusted(work)) return;
    ++shared_.stats.replaced;
    free_pair(slot);
    return unknown(work, segment);
  }
  // A SYN-ACK that came again: the upstream has not seen our ACK. A SYN on an open session: where
  // it is real, the challenge draws the RST that ends the old one (RFC 5961, 4.2).
  drop(work, DropReason::kSynOnOpen);
  if (!shared_.answers.allow(shared_.now)) {
    ++shared_.stats.answers_limited;
    return;
  }
  ++shared_.stats.challenges_sent;
  send_on_pair(pair, from, kAck, pair.acked[index_of(from)]);
}

template <typename Ip>
void Splice<Ip>::end_pair(std::uint32_t slot, PairEnd end) {
  Pair<Ip>& pair = pairs_[slot];
  shared_.events.push_back({.kind = CoreEventKind::kEnded,
                            .end = end,
                            .leg = {},
                            .pair = id_of(slot),
                            .facts = facts_of(pair)});
  switch (end) {
    case PairEnd::kBothClosed:
      ++shared_.stats.closed;
      pair.state = PairState::kLingering;
      pair.active = shared_.seconds;
      ++lingering_;
      return;
    case PairEnd::kClientReset:
      ++shared_.stats.client_resets;
      break;
    case PairEnd::kUpstreamReset:
      ++shared_.stats.upstream_resets;
      break;
    case PairEnd::kFailed:
      break;
  }
  free_pair(slot);
}

template <typename Ip>
void Splice<Ip>::free_pair(std::uint32_t slot) {
  Pair<Ip>& pair = pairs_[slot];
  for (const Side side : {Side::kClient, Side::kUpstream}) {
    index_.remove(hash(pair.flow(side)), make_ref(ref_kind(side), slot));
  }
  give_back_port(pair.flow(Side::kUpstream));
  if (pair.state == PairState::kLingering) --lingering_;
  pairs_.give_back(slot);
}

template <typename Ip>
const Pair<Ip>* Splice<Ip>::pair(const PairId& id) const {
  if (id.slot >= pairs_.used_slots()) return nullptr;
  const Pair<Ip>& pair = pairs_[id.slot];
  return pair.state != PairState::kFree && pair.stamp == id.stamp ? &pair : nullptr;
}

template <typename Ip>
Pair<Ip>* Splice<Ip>::pair(const PairId& id) {
  return const_cast<Pair<Ip>*>(std::as_const(*this).pair(id));  // NOLINT(*-const-cast)
}

template <typename Ip>
PairFacts Splice<Ip>::facts_of(const Pair<Ip>& pair) const {
  return {
      .acknowledged = {pair.acked[index_of(Side::kUpstream)], pair.acked[index_of(Side::kClient)]},
      .fin_seen = {(pair.flags & kFinFromClient) != 0, (pair.flags & kFinFromUpstream) != 0},
      .fin_acknowledged = {(pair.flags & kFinAckedByUpstream) != 0,
                           (pair.flags & kFinAckedByClient) != 0},
      .active_s = pair.active};
}

// Called from the other files of this class.
template PairFacts Splice<Ip4>::facts_of(const Pair<Ip4>&) const;
template PairFacts Splice<Ip6>::facts_of(const Pair<Ip6>&) const;
template bool Splice<Ip4>::pass_plain<Side::kClient>(Work<Ip4>&, std::uint32_t);
template bool Splice<Ip4>::pass_plain<Side::kUpstream>(Work<Ip4>&, std::uint32_t);
template bool Splice<Ip6>::pass_plain<Side::kClient>(Work<Ip6>&, std::uint32_t);
template bool Splice<Ip6>::pass_plain<Side::kUpstream>(Work<Ip6>&, std::uint32_t);
template void Splice<Ip4>::pair_segment(Work<Ip4>&, Segment, std::uint32_t, Side);
template void Splice<Ip6>::pair_segment(Work<Ip6>&, Segment, std::uint32_t, Side);
template void Splice<Ip4>::end_pair(std::uint32_t, PairEnd);
template void Splice<Ip6>::end_pair(std::uint32_t, PairEnd);
template void Splice<Ip4>::free_pair(std::uint32_t);
template void Splice<Ip6>::free_pair(std::uint32_t);
template const Pair<Ip4>* Splice<Ip4>::pair(const PairId&) const;
template const Pair<Ip6>* Splice<Ip6>::pair(const PairId&) const;
template Pair<Ip4>* Splice<Ip4>::pair(const PairId&);
template Pair<Ip6>* Splice<Ip6>::pair(const PairId&);

}  // namespace backends::dpdk::splice_core
