// What clients that wait and upstreams that are parked have in common: adding, forgetting, closing,
// and the segments we send on them.
#include "backends/dpdk/splice_core/seq.h"
#include "backends/dpdk/splice_core/splice.h"

namespace backends::dpdk::splice_core {

template <typename Ip>
base::SlotId Splice<Ip>::add_leg(const Leg<Ip>& leg) {
  const base::SlotId id = legs_.emplace(leg);
  if (id.generation == 0) {
    ++shared_.stats.legs_full;
    return {};
  }
  if (generations_.size() <= id.slot) generations_.resize(id.slot + 1);
  generations_[id.slot] = id.generation;
  if (index_.insert(hash(leg.flow), make_ref(RefKind::kLeg, id.slot))) return id;
  legs_.erase(id);
  return {};
}

template <typename Ip>
void Splice<Ip>::forget_leg(base::SlotId id) {
  Leg<Ip>& leg = legs_[id];
  index_.remove(hash(leg.flow), make_ref(RefKind::kLeg, id.slot));
  if (leg.early_first != kNoSegment) shared_.early.free_list(leg.early_first);
  if (leg.side == Side::kUpstream) {
    give_back_port(leg.flow);
    if (leg.state == LegState::kOpen) --parked_;
  }
  legs_.erase(id);
}

template <typename Ip>
void Splice<Ip>::give_back_port(const FlowKey<Ip>& flow) {
  ports_.give_back({flow.local, flow.local_port}, flow.remote, flow.remote_port, shared_.now);
}

template <typename Ip>
void Splice<Ip>::leg_segment(Work<Ip>& work, const Segment& segment, std::uint32_t slot) {
  const base::SlotId id = leg_id(slot);
  Leg<Ip>& leg = legs_[id];
  switch (leg.state) {
    case LegState::kSynSent:
      return connecting(work, segment, id, leg);
    case LegState::kOpen:
      if (segment.has(kRst)) return leg_reset(work, segment, id, leg);
      if (leg.side == Side::kClient) return waiting_client(work, segment, slot);
      return parked(work, segment, id, leg);
    case LegState::kClosing:
      return closing(work, segment, id, leg);
    case LegState::kGone:
      return drop(work, DropReason::kNoState);
  }
}

template <typename Ip>
void Splice<Ip>::leg_reset(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg) {
  // Behind what is kept of a client is exact too: it was sent before the RST.
  const std::uint32_t kept = leg.expected + leg.early_bytes + (leg.fin_came ? 1U : 0U);
  if (segment.seq != leg.expected && segment.seq != kept) {
    // Ahead of that it may still be real: the challenge draws the exact one (RFC 5961, 3.2).
    if (segment.seq - leg.expected <= std::uint32_t{shared_.options.first_window}) {
      return challenge(work, leg, DropReason::kBadSequence);
    }
    return drop(work, DropReason::kBadSequence);
  }
  if (!trusted(work)) return;
  work.packet->verdict = Verdict::kDrop;
  if (leg.side == Side::kUpstream) --parked_;
  leg.state = LegState::kGone;
  tell(CoreEventKind::kLegClosed, id, leg, base::to_errno(ECONNRESET));
}

template <typename Ip>
void Splice<Ip>::challenge(Work<Ip>& work, const Leg<Ip>& leg, DropReason reason) {
  drop(work, reason);
  if (!shared_.answers.allow(shared_.now)) {
    ++shared_.stats.answers_limited;
    return;
  }
  ++shared_.stats.challenges_sent;
  send_leg(leg, kAck);
}

// Our FIN is on its way. Theirs may come, data may not: nobody is there to take it (RFC 1122,
// 4.2.2.13).
template <typename Ip>
void Splice<Ip>::closing(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg) {
  work.packet->verdict = Verdict::kDrop;
  if (segment.has(kRst)) {
    if (segment.seq != leg.expected) return drop(work, DropReason::kBadSequence);
    return forget_leg(id);
  }
  if (!segment.has(kAck)) return drop(work, DropReason::kBadSequence);
  leg.fin_acknowledged |= segment.ack == leg.send_next;
  if (segment.payload_bytes > 0 && !seq_before(segment.seq, leg.expected)) {
    ++shared_.stats.resets_sent;
    send(leg.flow, leg.hop, {.seq = segment.ack, .flags = kRst});
    return forget_leg(id);
  }
  if (segment.has(kFin) && segment.seq == leg.expected && !leg.fin_came) {
    leg.fin_came = true;
    ++leg.expected;
  }
  if (segment.length() > 0) send_leg(leg, kAck);
  if (leg.fin_acknowledged && leg.fin_came) forget_leg(id);
}

template <typename Ip>
void Splice<Ip>::close(base::SlotId id, bool reset) {
  Leg<Ip>& leg = legs_[id];
  switch (leg.state) {
    case LegState::kSynSent:  // An answer will find nothing and be reset.
    case LegState::kGone:
      return forget_leg(id);
    case LegState::kOpen:
      break;
    case LegState::kClosing:
      base::check_failed(__FILE__, __LINE__, "a leg is closed once");
  }
  const bool unread = leg.early_bytes > 0;
  if (reset || unread) {
    ++shared_.stats.resets_sent;
    send_leg(leg, kRst | kAck);
    return forget_leg(id);
  }
  if (leg.fin_came) ++leg.expected;  // Acknowledged with our own.
  if (leg.side == Side::kUpstream) --parked_;
  leg.state = LegState::kClosing;
  leg.tries = 0;
  send_leg(leg, kFin | kAck);
  ++leg.send_next;
  start_timer(0, {.slot = id.slot, .life = id.generation, .kind = TimerKind::kClose});
}

template <typename Ip>
void Splice<Ip>::send(const FlowKey<Ip>& flow, Hop hop, OwnSegment segment) {
  segment.hop_limit = shared_.options.hop_limit;
  std::byte* const at = shared_.outbox.segment(packet_bytes<Ip>(segment), hop);
  if (at == nullptr) return shared_.stats.drop(DropReason::kNoBuffer);
  write_packet(at, flow, segment);
}

template <typename Ip>
void Splice<Ip>::send_leg(const Leg<Ip>& leg, std::uint8_t flags) {
  // A client's was given with the SYN-ACK and must not be taken back (RFC 9293, 3.8.6).
  const std::uint16_t window =
      leg.side == Side::kClient ? shared_.options.first_window : kParkedWindow;
  const bool scaled = leg.options.window_scale != kNoWindowScale;
  send(leg.flow, leg.hop,
       {.seq = leg.send_next,
        .ack = leg.expected,
        .window = scaled ? static_cast<std::uint16_t>(window >> kOurWindowScale) : window,
        .flags = flags});
}

template <typename Ip>
void Splice<Ip>::tell(CoreEventKind kind, base::SlotId id, const Leg<Ip>& leg, base::Errno error) {
  shared_.events.push_back({.kind = kind,
                            .error = error,
                            .leg = {.slot = id, .family = kFamily},
                            .pair = {},
                            .token = leg.token,
                            .facts = {}});
}

template <typename Ip>
std::uint16_t Splice<Ip>::own_mss() const {
  return kFamily == CoreFamily::kV4 ? shared_.options.mss4 : shared_.options.mss6;
}

// Called from the other files of this class.
template base::SlotId Splice<Ip4>::add_leg(const Leg<Ip4>&);
template base::SlotId Splice<Ip6>::add_leg(const Leg<Ip6>&);
template void Splice<Ip4>::forget_leg(base::SlotId);
template void Splice<Ip6>::forget_leg(base::SlotId);
template void Splice<Ip4>::give_back_port(const FlowKey<Ip4>&);
template void Splice<Ip6>::give_back_port(const FlowKey<Ip6>&);
template void Splice<Ip4>::challenge(Work<Ip4>&, const Leg<Ip4>&, DropReason);
template void Splice<Ip6>::challenge(Work<Ip6>&, const Leg<Ip6>&, DropReason);
template void Splice<Ip4>::leg_segment(Work<Ip4>&, const Segment&, std::uint32_t);
template void Splice<Ip6>::leg_segment(Work<Ip6>&, const Segment&, std::uint32_t);
template void Splice<Ip4>::close(base::SlotId, bool);
template void Splice<Ip6>::close(base::SlotId, bool);
template void Splice<Ip4>::send(const FlowKey<Ip4>&, Hop, OwnSegment);
template void Splice<Ip6>::send(const FlowKey<Ip6>&, Hop, OwnSegment);
template void Splice<Ip4>::send_leg(const Leg<Ip4>&, std::uint8_t);
template void Splice<Ip6>::send_leg(const Leg<Ip6>&, std::uint8_t);
template void Splice<Ip4>::tell(CoreEventKind, base::SlotId, const Leg<Ip4>&, base::Errno);
template void Splice<Ip6>::tell(CoreEventKind, base::SlotId, const Leg<Ip6>&, base::Errno);
template std::uint16_t Splice<Ip4>::own_mss() const;
template std::uint16_t Splice<Ip6>::own_mss() const;

}  // namespace backends::dpdk::splice_core
