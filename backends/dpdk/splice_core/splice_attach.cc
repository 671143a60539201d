// Joining a client to an upstream, and the few segments that we send on a pair: the PROXY header,
// the first window, resets (facts/dpdk.md, 2.3 and 2.6).
#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/seq.h"
#include "backends/dpdk/splice_core/splice.h"
#include "backends/dpdk/splice_core/translate.h"
#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"

namespace backends::dpdk::splice_core {

template <typename Ip>
base::Result<PairId> Splice<Ip>::attach(base::SlotId client_id, base::SlotId upstream_id,
                                        std::span<const std::byte> header, std::uint32_t skip) {
  CHECK(header.size() <= kHeaderMax);
  const Leg<Ip> client = legs_[client_id];
  const Leg<Ip> upstream = legs_[upstream_id];
  const bool client_open = client.state == LegState::kOpen;
  const bool upstream_open = upstream.state == LegState::kOpen;
  const auto give_up = [&](int error) {
    close(client_id, true);
    close(upstream_id, true);
    return base::failure(base::to_errno(error));
  };
  if (upstream_open && client.state == LegState::kGone && client.early_first != kNoSegment) {
    send_last_words(client, legs_[upstream_id], header, skip);
  }
  if (!client_open || !upstream_open) return give_up(client_open ? EPIPE : ECONNRESET);

  std::uint32_t opening = kNoSegment;
  if (!header.empty() && (opening = add_opening(header)) == kNoSegment) return give_up(ENOMEM);
  const std::uint32_t slot = pairs_.take();
  if (slot == PairSlab<Ip>::kNone) {
    if (opening != kNoSegment) free_opening(opening);
    shared_.stats.drop(DropReason::kTableFull);
    return give_up(ENOMEM);
  }
  Pair<Ip>& pair = pairs_[slot];
  fill_pair(pair, client, upstream, static_cast<std::uint32_t>(header.size()), skip);
  index_.replace(hash(client.flow), make_ref(RefKind::kLeg, client_id.slot),
                 make_ref(RefKind::kClientSide, slot));
  index_.replace(hash(upstream.flow), make_ref(RefKind::kLeg, upstream_id.slot),
                 make_ref(RefKind::kUpstreamSide, slot));
  legs_.erase(client_id);
  legs_.erase(upstream_id);
  --parked_;
  ++shared_.stats.attached;
  if (client.options.mss != 0 && client.options.mss < upstream.our_mss) {
    ++shared_.stats.mss_too_large;
  }

  const Timer timer{.slot = slot,
                    .life = pair.stamp,
                    .opening = opening,
                    .kind = header.empty() ? TimerKind::kWindow : TimerKind::kHeader};
  if (header.empty()) {
    send_on_pair(pair, Side::kUpstream, kAck, pair.acked[index_of(Side::kUpstream)]);
  } else {
    ++shared_.stats.headers_sent;
    send_header(pair, openings_[opening]);
  }
  start_timer(0, timer);
  const PairId id = id_of(slot);
  replay_early(slot, Side::kClient, client.early_first);
  replay_early(slot, Side::kUpstream, upstream.early_first);
  return id;
}

template <typename Ip>
void Splice<Ip>::fill_pair(Pair<Ip>& pair, const Leg<Ip>& client, const Leg<Ip>& upstream,
                           std::uint32_t header_bytes, std::uint32_t skip) {
  pair.remote = {client.flow.remote, upstream.flow.remote};
  pair.local = {client.flow.local, upstream.flow.local};
  pair.remote_port = {client.flow.remote_port, upstream.flow.remote_port};
  pair.local_port = {client.flow.local_port, upstream.flow.local_port};
  // The client's first byte behind what is skipped becomes the first one behind the header.
  const std::uint32_t client_first = client.expected + skip;
  const std::uint32_t upstream_first = upstream.send_next + header_bytes;
  pair.seq_shift = {upstream_first - client_first, client.send_next - upstream.expected};
  pair.acked = {client.send_next, upstream_first};
  pair.sent = {client.expected, upstream.expected};  // The skipped bytes are still to come.
  pair.active = shared_.seconds;
  pair.hop = {client.hop, upstream.hop};
  pair.window_scale = {client.options.window_scale, upstream.options.window_scale};
  pair.client_window = client.window;
  pair.flags = 0;
  if (!client.options.sack) pair.flags |= kClientLacksSack;
  if (!upstream.options.sack) pair.flags |= kUpstreamLacksSack;
  pair.state = header_bytes == 0 ? PairState::kAttached : PairState::kHeaderSent;
}

// A segment that begins in front of the first byte that the upstream gets. Its skipped bytes are
// taken and acknowledged here, because nobody else ever does; and while the PROXY header is not
// acknowledged their numbers are the header's and must not reach the upstream. What is left goes
// on, with the number of that first byte. False when that is nothing.
template <typename Ip>
bool Splice<Ip>::take_skipped(Work<Ip>& work, Segment& segment, Pair<Ip>& pair) {
  std::uint32_t& shift = pair.seq_shift[index_of(Side::kClient)];
  std::uint32_t& next = pair.sent[index_of(Side::kClient)];
  std::uint32_t first = pair.acked[index_of(Side::kUpstream)] - shift;
  if (!seq_before(segment.seq, first)) return true;
  if (!trusted(work)) return false;
  work.packet->verdict = Verdict::kDrop;
  const auto acknowledge = [&] {
    send_on_pair(pair, Side::kClient, kAck,
                 pair.sent[index_of(Side::kUpstream)] + pair.seq_shift[index_of(Side::kUpstream)]);
  };
  const std::uint32_t end = segment.seq + segment.payload_bytes;
  const bool fin = segment.has(kFin) && seq_at_or_before(end, first);
  if (segment.length() > 0 && seq_before(next, first)) {
    if (seq_before(next, segment.seq) || seq_before(segment.end(), next)) {  // A gap, or nonsense.
      shared_.stats.drop(DropReason::kBadSequence);
      acknowledge();
      return false;
    }
    next = seq_before(end, first) ? end : first;
    if (fin) {  // It said less than what was to be skipped: its end is the end of everything.
      shift += first - end;
      first = end;
    }
  }
  if (segment.has(kFin) && seq_before(end, first)) return false;
  const std::uint32_t cut = std::min(first - segment.seq, segment.payload_bytes);
  const bool rest = cut < segment.payload_bytes || fin;
  if (cut > 0 && !rest) acknowledge();
  // An acknowledgement that says nothing new would count as a duplicate.
  const bool news =
      segment.length() == 0 || seq_before(pair.acked[index_of(Side::kClient)], segment.ack);
  if (!rest && !news) return false;
  cut_front(work, segment, cut, first);
  return true;
}

// Takes payload off and gives the segment a new number. Its checksum was right.
template <typename Ip>
void Splice<Ip>::cut_front(Work<Ip>& work, Segment& segment, std::uint32_t bytes,
                           std::uint32_t seq) {
  Packet& packet = *work.packet;
  std::byte* const tcp = packet.data + work.envelope.l4;
  std::byte* const payload = tcp + segment.header_bytes;
  std::memmove(payload, payload + bytes, segment.payload_bytes - bytes);
  segment.seq = seq;
  segment.payload_bytes -= bytes;
  work.envelope.size -= bytes;
  packet.size = work.envelope.size;
  store32(tcp + 4, segment.seq);
  if constexpr (kFamily == CoreFamily::kV4) {
    store16(packet.data + 2, static_cast<std::uint16_t>(work.envelope.size));
    write_ip4_checksum(packet.data);
  } else {
    store16(packet.data + 4, static_cast<std::uint16_t>(work.envelope.size - kIp6HeaderBytes));
  }
  write_tcp_checksum(packet.data, work.envelope);
}

template <typename Ip>
void Splice<Ip>::send_on_pair(const Pair<Ip>& pair, Side to, std::uint8_t flags, std::uint32_t seq,
                              std::span<const std::byte> payload) {
  const std::size_t t = index_of(to);
  const std::size_t f = index_of(other(to));
  const std::uint8_t ours =
      pair.window_scale[t] == kNoWindowScale ? kNoWindowScale : kOurWindowScale;
  // The upstream's last window is not kept: a client gets the one of the SYN-ACK again.
  const std::uint16_t window =
      to == Side::kUpstream ? rescale_window(pair.client_window, pair.window_scale[f], ours)
                            : rescale_window(shared_.options.first_window, kNoWindowScale, ours);
  // Of the skipped bytes those that have come.
  const std::uint32_t ack =
      to == Side::kClient && skipping(pair) ? pair.sent[t] : pair.acked[f] - pair.seq_shift[t];
  send(pair.flow(to), pair.hop[t],
       {.seq = seq, .ack = ack, .window = window, .flags = flags, .payload = payload});
}

template <typename Ip>
void Splice<Ip>::reset_side(const Pair<Ip>& pair, Side to) {
  ++shared_.stats.resets_sent;
  send_on_pair(pair, to, kRst | kAck, pair.acked[index_of(to)]);
}

template <typename Ip>
void Splice<Ip>::send_header(const Pair<Ip>& pair, const Opening& opening) {
  send_on_pair(pair, Side::kUpstream, kAck | kPsh,
               pair.acked[index_of(Side::kUpstream)] - opening.size,
               std::span(opening.bytes).first(opening.size));
}

// What a side has sent already, as if it came now.
template <typename Ip>
void Splice<Ip>::replay_early(std::uint32_t slot, Side from, std::uint32_t first) {
  const std::uint16_t stamp = pairs_[slot].stamp;
  for (std::uint32_t at = first; at != kNoSegment; at = shared_.early.next(at)) {
    Pair<Ip>& pair = pairs_[slot];
    if (pair.stamp != stamp || pair.state == PairState::kFree) break;
    const PairState state = pair.state;
    const std::span<std::byte> bytes = shared_.early.at(at);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    Packet packet{
        .data = bytes.data(), .size = size, .room = size, .hop = pair.hop[index_of(from)]};
    const auto envelope = parse_envelope(bytes);
    CHECK(envelope.has_value());
    Work<Ip> work{.packet = &packet, .envelope = *envelope, .flow = pair.flow(from)};
    pair_segment(work, parse_segment(packet.data, *envelope), slot, from);
    // An upstream that was heard before the joining has not heard of it.
    if (pair.state == PairState::kOpen) pair.state = state;
    if (packet.verdict != Verdict::kSend) continue;
    std::byte* const out = shared_.outbox.segment(packet.size, packet.hop);
    if (out == nullptr) {
      shared_.stats.drop(DropReason::kNoBuffer);
    } else {
      std::memcpy(out, packet.data, packet.size);
    }
  }
  if (first != kNoSegment) shared_.early.free_list(first);
}

// Of a client that is gone: the upstream gets what it said, then its RST, as without us.
template <typename Ip>
void Splice<Ip>::send_last_words(const Leg<Ip>& client, Leg<Ip>& upstream,
                                 std::span<const std::byte> header, std::uint32_t skip) {
  const auto say = [&](std::span<const std::byte> bytes) {
    send(upstream.flow, upstream.hop,
         {.seq = upstream.send_next,
          .ack = upstream.expected,
          .flags = kAck | kPsh,
          .payload = bytes});
    upstream.send_next += static_cast<std::uint32_t>(bytes.size());
  };
  if (!header.empty()) say(header);
  std::uint32_t next = client.expected + skip;
  for (std::uint32_t at = client.early_first; at != kNoSegment; at = shared_.early.next(at)) {
    const std::span<const std::byte> packet = shared_.early.at(at);
    const auto envelope = parse_envelope(packet);
    CHECK(envelope.has_value());
    const Segment segment = parse_segment(packet.data(), *envelope);
    const std::uint32_t end = segment.seq + segment.payload_bytes;
    if (!seq_before(next, end)) continue;
    say(packet.subspan(envelope->size - (end - next), end - next));
    next = end;
  }
}

template <typename Ip>
std::uint32_t Splice<Ip>::add_opening(std::span<const std::byte> header) {
  std::uint32_t opening = free_opening_;
  if (opening != kNoSegment) {
    free_opening_ = openings_[opening].next_free;
  } else {
    if (openings_.size() >= shared_.options.openings_max) return kNoSegment;
    opening = static_cast<std::uint32_t>(openings_.size());
    openings_.emplace_back();
  }
  std::ranges::copy(header, openings_[opening].bytes.begin());
  openings_[opening].size = static_cast<std::uint32_t>(header.size());
  ++openings_used_;
  return opening;
}

template <typename Ip>
void Splice<Ip>::free_opening(std::uint32_t opening) {
  openings_[opening].next_free = std::exchange(free_opening_, opening);
  --openings_used_;
}

template <typename Ip>
void Splice<Ip>::abort(const PairId& id) {
  const Pair<Ip>* const pair = std::as_const(*this).pair(id);
  if (pair == nullptr || pair->state == PairState::kLingering) return;
  for (const Side side : {Side::kClient, Side::kUpstream}) reset_side(*pair, side);
  ++shared_.stats.aborted;
  free_pair(id.slot);
}

template <typename Ip>
void Splice<Ip>::reset_everything() {
  for (std::uint32_t slot = 0; slot < pairs_.used_slots(); ++slot) {
    if (pairs_[slot].state == PairState::kFree) continue;
    if (pairs_[slot].state == PairState::kLingering) {
      free_pair(slot);
    } else {
      abort(id_of(slot));
    }
  }
  legs_.for_each([&](base::SlotId id, Leg<Ip>& leg) {
    if (leg.state == LegState::kClosing) {
      forget_leg(id);
    } else {
      close(id, true);
    }
  });
}

// Called from the other files of this class.
template base::Result<PairId> Splice<Ip4>::attach(base::SlotId, base::SlotId,
                                                  std::span<const std::byte>, std::uint32_t);
template base::Result<PairId> Splice<Ip6>::attach(base::SlotId, base::SlotId,
                                                  std::span<const std::byte>, std::uint32_t);
template bool Splice<Ip4>::take_skipped(Work<Ip4>&, Segment&, Pair<Ip4>&);
template bool Splice<Ip6>::take_skipped(Work<Ip6>&, Segment&, Pair<Ip6>&);
template void Splice<Ip4>::send_on_pair(const Pair<Ip4>&, Side, std::uint8_t, std::uint32_t,
                                        std::span<const std::byte>);
template void Splice<Ip6>::send_on_pair(const Pair<Ip6>&, Side, std::uint8_t, std::uint32_t,
                                        std::span<const std::byte>);
template void Splice<Ip4>::reset_side(const Pair<Ip4>&, Side);
template void Splice<Ip6>::reset_side(const Pair<Ip6>&, Side);
template void Splice<Ip4>::send_header(const Pair<Ip4>&, const Opening&);
template void Splice<Ip6>::send_header(const Pair<Ip6>&, const Opening&);
template void Splice<Ip4>::free_opening(std::uint32_t);
template void Splice<Ip6>::free_opening(std::uint32_t);
template void Splice<Ip4>::abort(const PairId&);
template void Splice<Ip6>::abort(const PairId&);
template void Splice<Ip4>::reset_everything();
template void Splice<Ip6>::reset_everything();

}  // namespace backends::dpdk::splice_core
