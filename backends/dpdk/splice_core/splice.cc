#include "backends/dpdk/splice_core/splice.h"

#include <algorithm>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/seq.h"
#include "base/assert.h"
#include "base/prng.h"

namespace backends::dpdk::splice_core {
namespace {

// One word of the process's secret, different for each use.
std::uint64_t derive(const SipKey& seed, std::uint64_t use) {
  const std::array<std::uint64_t, 1> words = {use};
  return siphash24(seed, words);
}

constexpr std::uint64_t kUseHash = 1;
constexpr std::uint64_t kUseIsn = 8;
constexpr std::uint64_t kUsePorts = 16;

HashSecret hash_secret(const SipKey& seed, CoreFamily family) {
  const auto base = kUseHash + (family == CoreFamily::kV6 ? 32U : 0U);
  return {{derive(seed, base), derive(seed, base + 1), derive(seed, base + 2)}};
}

constexpr std::array<base::Nanos, 10> kTimerDelays = {
    std::chrono::milliseconds(200),  std::chrono::milliseconds(400),
    std::chrono::milliseconds(800),  std::chrono::milliseconds(1600),
    std::chrono::milliseconds(3200), std::chrono::seconds(1),
    std::chrono::seconds(2),         std::chrono::seconds(4),
    std::chrono::seconds(8),         std::chrono::seconds(16)};
constexpr std::size_t kTimersMax = 1U << 22U;  // Of one delay: all attaches of its 3.2 seconds.

}  // namespace

template <typename Ip>
Splice<Ip>::Splice(Shared& shared, typename LocalPorts<Ip>::Mine mine)
    : shared_(shared),
      secret_(hash_secret(shared.options.seed, kFamily)),
      isn_key_{derive(shared.options.seed, kUseIsn), derive(shared.options.seed, kUseIsn + 1)},
      index_(shared.options.pairs_max * 2 + shared.options.legs_max, shared.options.pages),
      pairs_(shared.options.pairs_max, shared.options.pages),
      legs_(shared.options.legs_max),
      half_open_(shared.options.half_open_max, secret_),
      ports_({.quarantine = shared.options.port_quarantine,
              .seed = derive(shared.options.seed, kUsePorts)},
             std::move(mine)),
      timers_(kTimerDelays, kTimersMax) {}

template <typename Ip>
void Splice<Ip>::begin(Work<Ip>& work) const {
  if constexpr (kFamily == CoreFamily::kV4) {
    work.flow = flow_key4(work.packet->data, work.envelope);
  } else {
    work.flow = flow_key6(work.packet->data, work.envelope);
  }
  work.hash = hash(work.flow);
  index_.prefetch(work.hash);
}

template <typename Ip>
void Splice<Ip>::run(std::span<Work<Ip>> burst) {
  // The entry is near by now: start to fetch what it names before the first one needs it.
  for (Work<Ip>& work : burst) {
    work.ref = index_.peek(work.hash);
    if (work.ref != FlowIndex::kNothing && kind_of(work.ref) != RefKind::kLeg) {
      pairs_.prefetch(slot_of(work.ref));
    }
  }
  for (Work<Ip>& work : burst) dispatch(work);
}

template <typename Ip>
void Splice<Ip>::dispatch(Work<Ip>& work) {
  // A segment before this one may have changed what there is, and hashes may be the same.
  std::uint32_t ref = work.ref;
  if (ref == FlowIndex::kNothing || !matches(ref, work.flow)) ref = find(work.flow, work.hash);
  if (ref == FlowIndex::kNothing) {
    return unknown(work, parse_segment(work.packet->data, work.envelope));
  }
  const std::uint32_t slot = slot_of(ref);
  switch (kind_of(ref)) {
    case RefKind::kLeg:
      return leg_segment(work, parse_segment(work.packet->data, work.envelope), slot);
    case RefKind::kClientSide:
      if (pass_plain<Side::kClient>(work, slot)) return;
      return pair_segment(work, parse_segment(work.packet->data, work.envelope), slot,
                          Side::kClient);
    case RefKind::kUpstreamSide:
      if (pass_plain<Side::kUpstream>(work, slot)) return;
      return pair_segment(work, parse_segment(work.packet->data, work.envelope), slot,
                          Side::kUpstream);
  }
}

template <typename Ip>
bool Splice<Ip>::matches(std::uint32_t ref, const FlowKey<Ip>& flow) const {
  const std::uint32_t slot = slot_of(ref);
  switch (kind_of(ref)) {
    case RefKind::kLeg: {
      const Leg<Ip>* const leg = legs_.find(leg_id(slot));
      return leg != nullptr && leg->flow == flow;
    }
    case RefKind::kClientSide:
      return pairs_[slot].is(Side::kClient, flow);
    case RefKind::kUpstreamSide:
      return pairs_[slot].is(Side::kUpstream, flow);
  }
  base::check_failed(__FILE__, __LINE__, "a kind of the enum");
}

template <typename Ip>
std::uint32_t Splice<Ip>::find(const FlowKey<Ip>& flow, std::uint32_t hash) const {
  return index_.find(hash, [&](std::uint32_t ref) { return matches(ref, flow); });
}

template <typename Ip>
bool Splice<Ip>::own_address(const Ip& address) const {
  return std::ranges::find(own_, address) != own_.end();
}

template <typename Ip>
Listening<Ip>* Splice<Ip>::listening_on(const FlowKey<Ip>& flow) {
  // The exact address before the wildcard, as the kernel has it.
  Listening<Ip>* wildcard = nullptr;
  for (Listening<Ip>& each : listeners_) {
    if (each.port != flow.local_port) continue;
    if (each.any_address) {
      wildcard = &each;
    } else if (each.address == flow.local) {
      return &each;
    }
  }
  return wildcard != nullptr && own_address(flow.local) ? wildcard : nullptr;
}

template <typename Ip>
void Splice<Ip>::unknown(Work<Ip>& work, const Segment& segment) {
  if (segment.has(kRst)) return stranger_reset(work, segment);
  const Listening<Ip>* const listening = listening_on(work.flow);
  if (listening == nullptr) {
    if (!own_address(work.flow.local)) return drop(work, DropReason::kNotForUs);
    return answer_stranger(work, segment, DropReason::kNoState);
  }
  if (segment.has(kSyn)) {
    if (segment.has(kAck)) return answer_stranger(work, segment, DropReason::kNoState);
    return client_syn(work, segment, *listening);
  }
  if (segment.has(kAck)) return client_ack(work, segment, *listening);
  answer_stranger(work, segment, DropReason::kNoState);
}

// A client that does not want our SYN-ACK: it need not be sent again.
template <typename Ip>
void Splice<Ip>::stranger_reset(Work<Ip>& work, const Segment& segment) {
  const HalfOpen<Ip>* const half = half_open_.find(work.flow);
  if (half != nullptr && segment.seq == half->client_isn + 1) half_open_.remove(work.flow);
  drop(work, DropReason::kNoState);
}

// RST for what is of no connection of ours (RFC 9293, 3.10.7.1), under a limit.
template <typename Ip>
void Splice<Ip>::answer_stranger(Work<Ip>& work, const Segment& segment, DropReason reason) {
  drop(work, reason);
  if (!shared_.answers.allow(shared_.now)) {
    ++shared_.stats.answers_limited;
    return;
  }
  ++shared_.stats.resets_sent;
  if (segment.has(kAck)) {
    send(work.flow, work.packet->hop, {.seq = segment.ack, .flags = kRst});
  } else {
    send(work.flow, work.packet->hop, {.ack = segment.end(), .flags = kRst | kAck});
  }
}

template <typename Ip>
void Splice<Ip>::set_accepting(std::uint64_t token, bool accepting) {
  for (Listening<Ip>& each : listeners_) {
    if (each.token == token) each.accepting = accepting;
  }
}

template <typename Ip>
void Splice<Ip>::unlisten(std::uint64_t token) {
  std::erase_if(listeners_, [&](const Listening<Ip>& each) { return each.token == token; });
}

template <typename Ip>
void Splice<Ip>::drop(Work<Ip>& work, DropReason reason) {
  drop(*work.packet, reason);
}

template <typename Ip>
void Splice<Ip>::drop(Packet& packet, DropReason reason) {
  packet.verdict = Verdict::kDrop;
  shared_.stats.drop(reason);
}

template <typename Ip>
bool Splice<Ip>::trusted(Work<Ip>& work) {
  if constexpr (kFamily == CoreFamily::kV4) {
    if (!ip4_checksum_good(work.packet->data)) {
      drop(work, DropReason::kBadChecksum);
      return false;
    }
  }
  if (tcp_checksum_good(work.packet->data, work.envelope)) return true;
  drop(work, DropReason::kBadChecksum);
  return false;
}

template <typename Ip>
void Splice<Ip>::add_gauges(CoreStats& stats) const {
  stats.pairs += pairs_.size();
  stats.lingering += lingering_;
  stats.legs += legs_.size();
  stats.parked += parked_;
  stats.half_open += half_open_.size();
  stats.openings += openings_used_;
  stats.ports_in_use += ports_.in_use();
  stats.table_entries += index_.size();
  stats.table_places += index_.places();
  stats.memory_bytes += index_.memory_bytes() + pairs_.memory_bytes();
}

// Called from the other files of this class.
template Splice<Ip4>::Splice(Shared&, LocalPorts<Ip4>::Mine);
template void Splice<Ip4>::begin(Work<Ip4>&) const;
template void Splice<Ip4>::run(std::span<Work<Ip4>>);
template std::uint32_t Splice<Ip4>::find(const FlowKey<Ip4>&, std::uint32_t) const;
template void Splice<Ip4>::set_accepting(std::uint64_t, bool);
template void Splice<Ip4>::unlisten(std::uint64_t);
template void Splice<Ip4>::drop(Work<Ip4>&, DropReason);
template void Splice<Ip4>::drop(Packet&, DropReason);
template bool Splice<Ip4>::trusted(Work<Ip4>&);
template void Splice<Ip4>::unknown(Work<Ip4>&, const Segment&);
template void Splice<Ip4>::answer_stranger(Work<Ip4>&, const Segment&, DropReason);
template void Splice<Ip4>::add_gauges(CoreStats&) const;
template Splice<Ip6>::Splice(Shared&, LocalPorts<Ip6>::Mine);
template void Splice<Ip6>::begin(Work<Ip6>&) const;
template void Splice<Ip6>::run(std::span<Work<Ip6>>);
template std::uint32_t Splice<Ip6>::find(const FlowKey<Ip6>&, std::uint32_t) const;
template void Splice<Ip6>::set_accepting(std::uint64_t, bool);
template void Splice<Ip6>::unlisten(std::uint64_t);
template void Splice<Ip6>::drop(Work<Ip6>&, DropReason);
template void Splice<Ip6>::drop(Packet&, DropReason);
template bool Splice<Ip6>::trusted(Work<Ip6>&);
template void Splice<Ip6>::unknown(Work<Ip6>&, const Segment&);
template void Splice<Ip6>::answer_stranger(Work<Ip6>&, const Segment&, DropReason);
template void Splice<Ip6>::add_gauges(CoreStats&) const;

}  // namespace backends::dpdk::splice_core
