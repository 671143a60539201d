// Upstreams: connecting, and waiting until a client comes (facts/dpdk.md, 2.6).
#include <array>
#include <cstring>
#include <utility>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/seq.h"
#include "backends/dpdk/splice_core/splice.h"

namespace backends::dpdk::splice_core {
namespace {

// RFC 6298: the first SYN is repeated after a second, then after twice as long each time.
constexpr std::size_t kSynDelayFirst = 5;
// SYNs that an old socket of the server answers with its own numbers: reset and again, so often.
constexpr std::uint8_t kStaleTriesMax = 3;
// RFC 6528, 3: the clock of initial sequence numbers. 64 ns keeps them above what the last
// connection between the same ports has used (facts/dpdk.md, 2.5).
constexpr std::int64_t kIsnTick = 64;

}  // namespace

template <typename Ip>
base::Result<base::SlotId> Splice<Ip>::connect(const ConnectWish& wish) {
  if (legs_.full()) {
    ++shared_.stats.legs_full;
    return base::failure(base::to_errno(EMFILE));
  }
  const auto port =
      ports_.take(wish.sources, wish.first_source, wish.remote, wish.remote_port, shared_.now);
  if (!port) {
    ++shared_.stats.ports_exhausted;
    return base::failure(base::to_errno(EADDRNOTAVAIL));
  }
  Leg<Ip> leg;
  leg.flow = {wish.remote, port->address, wish.remote_port, port->port};
  leg.token = wish.token;
  leg.since = shared_.now;
  leg.our_mss = wish.mss;
  leg.hop = wish.hop;
  leg.side = Side::kUpstream;
  leg.state = LegState::kSynSent;
  // Field by field: what lies between the fields differs from one time to the next.
  constexpr std::size_t kAddressWords = (sizeof(Ip) + 7) / 8;
  std::array<std::uint64_t, 2 * kAddressWords + 1> words{};
  std::memcpy(words.data(), &leg.flow.remote, sizeof(Ip));
  std::memcpy(&words[kAddressWords], &leg.flow.local, sizeof(Ip));
  words.back() = (std::uint64_t{leg.flow.remote_port} << 16U) | leg.flow.local_port;
  leg.send_next = static_cast<std::uint32_t>(siphash24(isn_key_, words)) +
                  static_cast<std::uint32_t>(shared_.now.count() / kIsnTick);
  const base::SlotId id = add_leg(leg);
  if (id.generation == 0) {
    give_back_port(leg.flow);
    return base::failure(base::to_errno(EMFILE));
  }
  ++shared_.stats.connects;
  if (wish.hop != kNoHop) send_syn(legs_[id]);
  start_timer(kSynDelayFirst,
              {.slot = id.slot, .life = id.generation, .kind = TimerKind::kConnect});
  return id;
}

template <typename Ip>
void Splice<Ip>::reach(base::SlotId leg, Hop hop) {
  Leg<Ip>* const found = legs_.find(leg);
  if (found == nullptr || found->state != LegState::kSynSent || found->hop == hop) return;
  const bool first = found->hop == kNoHop;
  found->hop = hop;
  if (first) send_syn(*found);
}

template <typename Ip>
void Splice<Ip>::send_syn(Leg<Ip>& leg) {
  const SynOptions ours{.mss = leg.our_mss, .window_scale = kOurWindowScale, .sack = true};
  // The window of a SYN is never scaled; an upstream that speaks first must not use it, and does
  // not: its data waits for our ACK, which says less.
  send(leg.flow, leg.hop,
       {.seq = leg.send_next,
        .window = shared_.options.first_window,
        .flags = kSyn,
        .offered = &ours});
}

template <typename Ip>
void Splice<Ip>::connecting(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg) {
  if (!trusted(work)) return;
  const bool answers_us = segment.has(kAck) && segment.ack == leg.send_next + 1;
  if (segment.has(kRst)) {
    if (!answers_us) return drop(work, DropReason::kBadSequence);
    work.packet->verdict = Verdict::kDrop;
    return fail_connect(id, leg, base::to_errno(ECONNREFUSED));
  }
  if (!segment.has(kAck)) return drop(work, DropReason::kBadSequence);
  if (!answers_us || !segment.has(kSyn)) {
    // A socket of an earlier life of these ports: a challenge ACK. Reset it with the number it
    // expects, and ask again (RFC 5961, 4.2; facts/dpdk.md, 2.5).
    drop(work, DropReason::kBadSequence);
    if (leg.tries >= kStaleTriesMax) return;
    ++leg.tries;
    ++shared_.stats.stale_answers;
    ++shared_.stats.resets_sent;
    send(leg.flow, leg.hop, {.seq = segment.ack, .flags = kRst});
    return send_syn(leg);
  }
  const auto offered = parse_syn_options({work.packet->data + work.envelope.l4 + kTcpHeaderBytes,
                                          segment.header_bytes - kTcpHeaderBytes});
  if (!offered) return drop(work, DropReason::kBadHeader);
  work.packet->verdict = Verdict::kDrop;
  leg.options = *offered;
  leg.window = segment.window;
  leg.expected = segment.seq + 1;
  ++leg.send_next;
  leg.since = shared_.now - leg.since;
  leg.hop = work.packet->hop;
  leg.state = LegState::kOpen;
  ++parked_;
  ++shared_.stats.connected;
  send_leg(leg, kAck);
  tell(CoreEventKind::kConnected, id, leg, base::Errno::kNone);
}

template <typename Ip>
void Splice<Ip>::parked(Work<Ip>& work, const Segment& segment, base::SlotId id, Leg<Ip>& leg) {
  if (!segment.has(kAck)) return drop(work, DropReason::kBadSequence);
  work.packet->verdict = Verdict::kDrop;
  leg.window = segment.window;
  const bool old = seq_before(segment.seq, leg.expected);
  if (old && seq_at_or_before(segment.end(), leg.expected)) {
    // A probe of the window or whether we are alive, or a SYN-ACK that has not seen our ACK: all
    // are answered with where we stand.
    ++shared_.stats.probes_answered;
    return send_leg(leg, kAck);
  }
  if (segment.length() > 0) keep_early(work, segment, id, leg);
}

template <typename Ip>
void Splice<Ip>::fail_connect(base::SlotId id, Leg<Ip>& leg, base::Errno error) {
  leg.state = LegState::kGone;
  tell(CoreEventKind::kConnected, id, leg, error);
}

template base::Result<base::SlotId> Splice<Ip4>::connect(const ConnectWish&);
template base::Result<base::SlotId> Splice<Ip6>::connect(const ConnectWish&);
template void Splice<Ip4>::reach(base::SlotId, Hop);
template void Splice<Ip6>::reach(base::SlotId, Hop);
template void Splice<Ip4>::send_syn(Leg<Ip4>&);
template void Splice<Ip6>::send_syn(Leg<Ip6>&);
template void Splice<Ip4>::connecting(Work<Ip4>&, const Segment&, base::SlotId, Leg<Ip4>&);
template void Splice<Ip6>::connecting(Work<Ip6>&, const Segment&, base::SlotId, Leg<Ip6>&);
template void Splice<Ip4>::parked(Work<Ip4>&, const Segment&, base::SlotId, Leg<Ip4>&);
template void Splice<Ip6>::parked(Work<Ip6>&, const Segment&, base::SlotId, Leg<Ip6>&);
template void Splice<Ip4>::fail_connect(base::SlotId, Leg<Ip4>&, base::Errno);
template void Splice<Ip6>::fail_connect(base::SlotId, Leg<Ip6>&, base::Errno);

}  // namespace backends::dpdk::splice_core
