// What is sent again when no answer comes, and the walk over all pairs that finds the ended and the
// idle ones: no pair has a timer of its own (facts/dpdk.md, 2.9).
#include "backends/dpdk/splice_core/seq.h"
#include "backends/dpdk/splice_core/splice.h"

namespace backends::dpdk::splice_core {
namespace {

// Places in the table of delays: see splice.cc.
constexpr std::size_t kSynDelayFirst = 5;    // 1, 2, 4, 8, 16 s.
constexpr std::size_t kShortDelayFirst = 0;  // 200, 400, 800, 1600, 3200 ms.
constexpr std::uint8_t kTriesMax = 5;
// The first window is repeated after 200 ms and once more, 800 ms later: its loss would leave the
// upstream with the small window of a parked one until its own probe, which may be two minutes
// away.
constexpr std::uint8_t kWindowTriesMax = 2;
constexpr std::size_t kSecondWindowDelay = 2;

}  // namespace

template <typename Ip>
void Splice<Ip>::start_timer(std::size_t delay, const Timer& timer) {
  if (timers_.add(delay, timer, shared_.now)) return;
  ++shared_.stats.timers_dropped;
  if (timer.kind == TimerKind::kHeader) free_opening(timer.opening);
}

template <typename Ip>
void Splice<Ip>::run_timers(std::size_t most) {
  Timer timer;
  for (std::size_t i = 0; i < most && timers_.take(shared_.now, timer); ++i) {
    switch (timer.kind) {
      case TimerKind::kConnect:
        syn_timer(timer);
        break;
      case TimerKind::kClose:
        fin_timer(timer);
        break;
      case TimerKind::kWindow:
        window_timer(timer);
        break;
      case TimerKind::kHeader:
        header_timer(timer);
        break;
    }
  }
  for (std::size_t i = 0; i < most; ++i) {
    const HalfOpen<Ip>* const half = half_open_.next_due(shared_.now);
    if (half == nullptr) break;
    ++shared_.stats.syn_acks_repeated;
    send_syn_ack(*half);
  }
}

template <typename Ip>
void Splice<Ip>::syn_timer(const Timer& timer) {
  const base::SlotId id{timer.slot, timer.life};
  Leg<Ip>* const leg = legs_.find(id);
  if (leg == nullptr || leg->state != LegState::kSynSent) return;
  Timer next = timer;
  if (++next.tries >= kTriesMax) {
    return fail_connect(id, *leg, base::to_errno(leg->hop == kNoHop ? EHOSTUNREACH : ETIMEDOUT));
  }
  ++shared_.stats.syns_repeated;
  if (leg->hop != kNoHop) send_syn(*leg);
  start_timer(kSynDelayFirst + next.tries, next);
}

template <typename Ip>
void Splice<Ip>::fin_timer(const Timer& timer) {
  const base::SlotId id{timer.slot, timer.life};
  const Leg<Ip>* const leg = legs_.find(id);
  if (leg == nullptr) return;
  Timer next = timer;
  if (++next.tries >= kTriesMax) {
    ++shared_.stats.resets_sent;
    send_leg(*leg, kRst | kAck);
    return forget_leg(id);
  }
  if (!leg->fin_acknowledged) {
    // The FIN's own number is the one before what comes next.
    send(leg->flow, leg->hop,
         {.seq = leg->send_next - 1, .ack = leg->expected, .flags = kFin | kAck});
  }
  start_timer(kShortDelayFirst + next.tries, next);
}

template <typename Ip>
void Splice<Ip>::window_timer(const Timer& timer) {
  const Pair<Ip>& pair = pairs_[timer.slot];
  if (pair.stamp != timer.life || pair.state != PairState::kAttached) return;
  ++shared_.stats.attach_repeated;
  // Behind what the client has sent meanwhile: with an older number the upstream would not believe
  // the window (RFC 9293, 3.10.7.4).
  const std::size_t client = index_of(Side::kClient);
  const std::uint32_t first = pair.acked[index_of(Side::kUpstream)];
  const std::uint32_t behind = pair.sent[client] + pair.seq_shift[client];
  send_on_pair(pair, Side::kUpstream, kAck, seq_before(first, behind) ? behind : first);
  Timer next = timer;
  if (++next.tries < kWindowTriesMax) start_timer(kSecondWindowDelay, next);
}

template <typename Ip>
void Splice<Ip>::header_timer(const Timer& timer) {
  const Pair<Ip>& pair = pairs_[timer.slot];
  if (pair.stamp != timer.life || pair.state != PairState::kHeaderSent) {
    return free_opening(timer.opening);
  }
  Timer next = timer;
  if (++next.tries >= kTriesMax) {
    ++shared_.stats.headers_failed;
    free_opening(timer.opening);
    for (const Side side : {Side::kClient, Side::kUpstream}) reset_side(pair, side);
    return end_pair(timer.slot, PairEnd::kFailed);
  }
  ++shared_.stats.headers_repeated;
  send_header(pair, openings_[timer.opening]);
  start_timer(kShortDelayFirst + next.tries, next);
}

template <typename Ip>
bool Splice<Ip>::sweep(std::size_t count, std::size_t frees_max) {
  const std::uint32_t end = pairs_.used_slots();
  const auto linger_s = static_cast<std::uint32_t>(
      std::chrono::ceil<std::chrono::seconds>(shared_.options.linger).count());
  const auto idle_s = static_cast<std::uint32_t>(
      std::chrono::ceil<std::chrono::seconds>(shared_.options.idle).count());
  for (; count > 0 && frees_max > 0 && sweep_at_ < end; --count, ++sweep_at_) {
    const Pair<Ip>& pair = pairs_[sweep_at_];
    ++shared_.stats.swept;
    if (pair.state == PairState::kFree) continue;
    const std::uint32_t quiet_s = shared_.seconds - pair.active;
    if (pair.state == PairState::kLingering) {
      if (quiet_s < linger_s) continue;
      free_pair(sweep_at_);
      --frees_max;
    } else if (idle_s != 0 && quiet_s >= idle_s) {
      shared_.events.push_back(
          {.kind = CoreEventKind::kIdle, .leg = {}, .pair = id_of(sweep_at_), .facts = {}});
    }
  }
  if (sweep_at_ < end) return false;
  sweep_at_ = 0;
  return true;
}

// Called from the other files of this class.
template void Splice<Ip4>::start_timer(std::size_t, const Timer&);
template void Splice<Ip6>::start_timer(std::size_t, const Timer&);
template void Splice<Ip4>::run_timers(std::size_t);
template void Splice<Ip6>::run_timers(std::size_t);
template bool Splice<Ip4>::sweep(std::size_t, std::size_t);
template bool Splice<Ip6>::sweep(std::size_t, std::size_t);

}  // namespace backends::dpdk::splice_core
