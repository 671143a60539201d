#include "backends/dpdk/dpdk_transport.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "backends/dpdk/packet_numbers.h"
#include "backends/dpdk/transport_ids.h"
#include "base/assert.h"

namespace backends::dpdk {
namespace {

using splice_core::CoreEvent;
using splice_core::CoreEventKind;
using splice_core::LegFate;
using splice_core::LegId;
using splice_core::PairEnd;
using splice_core::PairFacts;
using splice_core::PairId;

constexpr std::size_t kListenersMax = 1024;
// Clients of one listener that are accepted in one poll, as the kernel engines do.
constexpr std::size_t kAcceptsAtOnce = 64;
// Idle rounds before the first sleep, and its length: a frame that comes meanwhile waits so long.
constexpr std::size_t kSpinRounds = 2000;
constexpr base::Nanos kNap = std::chrono::microseconds(50);
// Sequence numbers are compared within half of their circle, and windows come on top.
constexpr std::uint64_t kSkipMax = 1U << 30U;
// Bursts that unlisten() still takes: more than the queue of a device has frames.
constexpr std::size_t kUnlistenRounds = 256;

std::uint32_t to_us(base::Nanos time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(us, 1, 0xffffffff));
}

base::Address address_of(const base::IpPort& ip) { return {.ip = ip, .path = {}}; }

RelayEnd relay_end_of(PairEnd end) {
  switch (end) {
    case PairEnd::kBothClosed:
      return RelayEnd::kBothClosed;
    case PairEnd::kClientReset:
      return RelayEnd::kClientReset;
    case PairEnd::kUpstreamReset:
      return RelayEnd::kUpstreamReset;
    case PairEnd::kFailed:
      break;
  }
  return RelayEnd::kFailed;
}

DatapathOptions for_owner(DatapathOptions options) {
  options.core.report_advance = true;  // Sessions count their bytes.
  return options;
}

}  // namespace

DpdkTransport::DpdkTransport(DpdkTransportOptions options, std::span<Device* const> devices)
    : options_(std::move(options)),
      now_(base::monotonic_now()),
      datapath_(for_owner(std::move(options_.datapath)), devices, std::move(options_.choice), now_),
      entries_(options_.limits.connections_max),
      listeners_(kListenersMax) {
  stats_.connections_max = options_.limits.connections_max;
}

DpdkTransport::~DpdkTransport() {
  datapath_.core().reset_everything();
  datapath_.flush();
}

std::span<const PacketNumber> DpdkTransport::packet_numbers() {
  numbers_.clear();
  list_numbers(datapath_, numbers_);
  return numbers_;
}

base::Result<ListenerId> DpdkTransport::listen(const ListenSpec& spec, Tag tag) {
  if (spec.address.family() == base::Family::kUnix) {
    return base::failure(base::to_errno(EAFNOSUPPORT));
  }
  const base::SlotId id = listeners_.emplace();
  if (id.generation == 0) return base::failure(base::to_errno(ENOBUFS));
  Listening& listening = listeners_[id];
  listening.address = spec.address;
  listening.tag = tag;
  listening.backlog = static_cast<std::size_t>(std::max(spec.backlog, 1));
  datapath_.core().listen(spec.address.ip, listener_token(id));
  return static_cast<ListenerId>(pack(id));
}

base::Address DpdkTransport::local(ListenerId listener) const {
  const Listening* const listening = listeners_.find(slot_of(listener));
  CHECK(listening != nullptr);
  return listening->address;
}

void DpdkTransport::pause(ListenerId listener, bool paused) {
  listeners_[slot_of(listener)].paused = paused;
}

void DpdkTransport::unlisten(ListenerId listener) {
  const base::SlotId id = slot_of(listener);
  // The last step of a handshake may wait in the device: that client believes to be connected.
  for (std::size_t i = 0; i < kUnlistenRounds && datapath_.round(now_) != 0; ++i) {
  }
  datapath_.core().unlisten(listener_token(id));
  listeners_[id].draining = true;
  listeners_[id].paused = false;
}

void DpdkTransport::retag(ConnId conn, Tag tag) { entries_[slot_of(conn)].tag = tag; }

base::Address DpdkTransport::peer(ConnId conn) const {
  const Entry* const entry = entries_.find(slot_of(conn));
  CHECK(entry != nullptr);
  return address_of(entry->peer);
}

base::Address DpdkTransport::local(ConnId conn) const {
  const Entry* const entry = entries_.find(slot_of(conn));
  CHECK(entry != nullptr);
  return address_of(entry->local);
}

base::Result<base::Address> DpdkTransport::original_destination(ConnId) const {
  return base::failure(base::to_errno(ENOENT));  // No netfilter on this way.
}

bool DpdkTransport::alive(ConnId conn) {
  const Entry& entry = entries_[slot_of(conn)];
  return entry.has_leg && datapath_.core().fate(entry.leg) == LegFate::kOpen;
}

bool DpdkTransport::may_pool(ConnId client) {
  const Entry& entry = entries_[slot_of(client)];
  const splice_core::SpliceCore& core = datapath_.core();
  if (!entry.has_leg || core.fate(entry.leg) == LegFate::kGone) return true;
  return core.mss(entry.leg) >= core.own_mss(entry.peer.family);
}

void DpdkTransport::close(ConnId conn, CloseMode mode) {
  const base::SlotId id = slot_of(conn);
  const Entry& entry = entries_[id];
  if (entry.has_leg) datapath_.core().close(entry.leg, mode == CloseMode::kReset);
  erase(id);
}

void DpdkTransport::erase(base::SlotId id) {
  if (entries_[id].is_client) --clients_;
  entries_.erase(id);
  stats_.connections = entries_.size();
}

void DpdkTransport::exchange(ConnId conn, std::span<const std::byte>, std::size_t, Tag tag) {
  owed_.push_back(
      {.kind = EventKind::kExchanged, .error = base::to_errno(ENOTSUP), .tag = tag, .conn = conn});
}

std::span<const std::byte> DpdkTransport::reply(ConnId) const { return {}; }

RelayId DpdkTransport::start_relay(ConnId client, ConnId upstream, const RelaySpec& spec,
                                   RelayProgress& progress, Tag tag) {
  const Entry from = entries_[slot_of(client)];
  const Entry to = entries_[slot_of(upstream)];
  erase(slot_of(client));
  erase(slot_of(upstream));
  const auto refuse = [&](RelayEnd end, base::Errno error) {
    owed_.push_back({.kind = EventKind::kRelayDone, .relay_end = end, .error = error, .tag = tag});
    return relay_of({.slot = 0xffffffff});
  };
  splice_core::SpliceCore& core = datapath_.core();
  if (!from.has_leg || !to.has_leg || from.leg.family != to.leg.family) {
    if (from.has_leg) core.close(from.leg, true);
    if (to.has_leg) core.close(to.leg, true);
    return refuse(RelayEnd::kFailed, base::to_errno(EAFNOSUPPORT));
  }
  CHECK(spec.skip <= kSkipMax);
  const std::uint32_t rtt_us = to_us(core.round_trip(to.leg));
  const auto pair =
      core.attach(from.leg, to.leg, spec.preamble, static_cast<std::uint32_t>(spec.skip));
  if (!pair) {
    if (pair.error() == base::to_errno(ECONNRESET)) {
      return refuse(RelayEnd::kClientReset, base::Errno::kNone);
    }
    if (pair.error() == base::to_errno(EPIPE)) {
      return refuse(RelayEnd::kUpstreamReset, base::Errno::kNone);
    }
    return refuse(RelayEnd::kFailed, pair.error());
  }
  auto& table = relays_[static_cast<std::size_t>(pair->family)];
  if (table.size() <= pair->slot) table.resize(pair->slot + 1);
  Relaying& relaying = table[pair->slot];
  relaying = {.progress = &progress,
              .tag = tag,
              .acknowledged = core.facts(*pair).value().acknowledged,
              .rtt_us = rtt_us,
              .stamp = pair->stamp,
              .sample_path = spec.sample_path};
  ++relay_count_;
  return relay_of(*pair);
}

DpdkTransport::Relaying* DpdkTransport::relaying(const PairId& pair) {
  auto& table = relays_[static_cast<std::size_t>(pair.family)];
  if (pair.slot >= table.size()) return nullptr;
  Relaying& found = table[pair.slot];
  return found.progress != nullptr && found.stamp == pair.stamp ? &found : nullptr;
}

// Adds what was acknowledged since the last time. A FIN counts as one in TCP, and as none here.
void DpdkTransport::fold(Relaying& relaying, const PairFacts& facts) {
  RelayProgress& progress = *relaying.progress;
  for (std::size_t d = 0; d < kDirections; ++d) {
    std::uint64_t moved = facts.acknowledged[d] - relaying.acknowledged[d];
    relaying.acknowledged[d] = facts.acknowledged[d];
    if (facts.fin_acknowledged[d] && !relaying.fin_counted[d]) {
      relaying.fin_counted[d] = true;
      --moved;
    }
    if (moved != 0) {
      progress.bytes[d] += moved;
      progress.last_active = now_;
      stats_.method_bytes[static_cast<std::size_t>(Method::kSeqSplice)] += moved;
    }
    if (facts.fin_seen[d] && progress.half_closed == base::Nanos{0}) {
      progress.half_closed = now_;
      progress.first_closed = static_cast<Direction>(d);
    }
  }
}

void DpdkTransport::end_relay(const PairId& pair, RelayEnd end, const PairFacts& facts) {
  Relaying* const found = relaying(pair);
  if (found == nullptr) return;
  fold(*found, facts);
  Event event{.kind = EventKind::kRelayDone, .relay_end = end, .tag = found->tag};
  if (end == RelayEnd::kFailed) event.error = base::to_errno(ETIMEDOUT);  // The PROXY header.
  if (found->sample_path) event.rtt_us = found->rtt_us;
  found->progress = nullptr;
  --relay_count_;
  emit(event);
}

void DpdkTransport::abort(RelayId relay) {
  const PairId pair = pair_of(relay);
  Relaying* const found = relaying(pair);
  if (found == nullptr) return;
  if (const auto facts = datapath_.core().facts(pair)) {
    fold(*found, *facts);
    datapath_.core().abort(pair);
  }
  Event event{.kind = EventKind::kRelayDone, .relay_end = RelayEnd::kAborted, .tag = found->tag};
  if (found->sample_path) event.rtt_us = found->rtt_us;
  found->progress = nullptr;
  --relay_count_;
  owed_.push_back(event);
}

PathFacts DpdkTransport::path(RelayId relay) {
  const Relaying* const found = relaying(pair_of(relay));
  if (found == nullptr) return {};
  return {.rtt_us = found->rtt_us, .retransmits = 0};
}

std::span<const Event> DpdkTransport::poll(base::Nanos wait_max) {
  events_.clear();
  ++stats_.polls;
  now_ = base::monotonic_now();
  const base::Nanos deadline = wait_max > base::kForever - now_ ? base::kForever : now_ + wait_max;
  events_.swap(owed_);
  owed_.clear();
  std::size_t idle_rounds = 0;
  for (;;) {
    const std::uint64_t bursts = datapath_.stats().bursts;
    round();
    if (woken_.exchange(false, std::memory_order_acquire)) {
      ++stats_.wakes;
      emit({.kind = EventKind::kWoken, .tag = {}});
    }
    if (!events_.empty()) break;
    idle_rounds = datapath_.stats().bursts == bursts ? idle_rounds + 1 : 0;
    if (!idle_wait(deadline, idle_rounds)) break;
  }
  stats_.events += events_.size();
  publish();
  return events_;
}

// Moves the time on. False: the wait is over.
bool DpdkTransport::idle_wait(base::Nanos deadline, std::size_t idle_rounds) {
  const base::Nanos before = now_;
  if (options_.idle == Idle::kSleep && idle_rounds > kSpinRounds && before + kNap < deadline) {
    const timespec nap{.tv_sec = 0, .tv_nsec = kNap.count()};
    static_cast<void>(::ppoll(nullptr, 0, &nap, nullptr));  // A signal ends it: all the better.
  }
  now_ = base::monotonic_now();
  if (idle_rounds > 0) stats_.waited += now_ - before;
  return now_ < deadline;
}

void DpdkTransport::round() {
  datapath_.round(now_);
  take_core_events();
  if (!resolving_.empty()) resolve();
  deliver_waiting();
  datapath_.flush();
}

void DpdkTransport::take_core_events() {
  splice_core::SpliceCore& core = datapath_.core();
  for (const CoreEvent& event : core.events()) {
    switch (event.kind) {
      case CoreEventKind::kAccepted:
        arrived(event);
        break;
      case CoreEventKind::kConnected:
      case CoreEventKind::kLegClosed:
        take_leg_event(event);
        break;
      case CoreEventKind::kAdvanced:
        core.taken(event.pair);
        if (Relaying* const found = relaying(event.pair); found != nullptr) {
          if (const auto facts = core.facts(event.pair)) fold(*found, *facts);
        }
        break;
      case CoreEventKind::kEnded:
        end_relay(event.pair, relay_end_of(event.end), event.facts);
        break;
      case CoreEventKind::kIdle:  // The proxy has timeouts of its own.
        break;
    }
  }
  core.clear_events();
}

void DpdkTransport::take_leg_event(const CoreEvent& event) {
  if ((event.token & kListenerBit) != 0) return;  // Not delivered yet: looked at then.
  const base::SlotId id = unpack(event.token);
  Entry* const entry = entries_.find(id);
  if (entry == nullptr || !entry->has_leg || entry->leg != event.leg) {
    ++stats_.stale_events;
    return;
  }
  if (event.kind == CoreEventKind::kConnected) {
    emit({.kind = EventKind::kConnected,
          .error = event.error,
          .tag = entry->tag,
          .conn = conn_of(id)});
    return;
  }
  told_closed(id, *entry, event.error);
}

void DpdkTransport::told_closed(base::SlotId id, Entry& entry, base::Errno error) {
  bool& told = error == base::Errno::kNone ? entry.fin_told : entry.reset_told;
  if (told) return;
  told = true;
  emit({.kind = EventKind::kPeerClosed, .error = error, .tag = entry.tag, .conn = conn_of(id)});
}

void DpdkTransport::arrived(const CoreEvent& event) {
  const base::SlotId id = unpack(event.token);
  Listening* const listening = listeners_.find(id);
  if (listening == nullptr) return datapath_.core().close(event.leg, true);
  listening->waiting.push_back(event.leg);
  if (listening->waiting.size() >= listening->backlog) {
    datapath_.core().set_accepting(event.token, false);
  }
}

void DpdkTransport::deliver_waiting() {
  listeners_.for_each([&](base::SlotId id, Listening& listening) {
    // Told before those who may fill the room again.
    if (listening.stopped && clients_ < options_.limits.clients_max && !entries_.full()) {
      listening.stopped = false;
      emit({.kind = EventKind::kAcceptResumed, .tag = listening.tag});
    }
    for (std::size_t i = 0; i < kAcceptsAtOnce && !listening.waiting.empty(); ++i) {
      if (listening.paused || !deliver_one(id, listening)) break;
    }
    if (listening.draining && listening.waiting.empty()) listeners_.erase(id);
  });
}

// False: there is no room for the client.
bool DpdkTransport::deliver_one(base::SlotId id, Listening& listening) {
  splice_core::SpliceCore& core = datapath_.core();
  const LegId leg = listening.waiting.front();
  const LegFate fate = core.fate(leg);
  if (fate != LegFate::kGone && (clients_ >= options_.limits.clients_max || entries_.full())) {
    if (!std::exchange(listening.stopped, true)) {
      ++stats_.accept_failures[static_cast<std::size_t>(AcceptFailure::kCapacity)];
      emit({.kind = EventKind::kAcceptFailed,
            .error = base::to_errno(EMFILE),
            .tag = listening.tag});
    }
    return false;
  }
  listening.waiting.pop_front();
  if (listening.waiting.size() < listening.backlog && !listening.draining) {
    core.set_accepting(listener_token(id), true);
  }
  if (fate == LegFate::kGone) {  // It left again: as if it had never come.
    ++stats_.accept_failures[static_cast<std::size_t>(AcceptFailure::kAborted)];
    core.close(leg, true);
    return true;
  }
  const base::SlotId entry_id = entries_.emplace();
  Entry& entry = entries_[entry_id];
  entry.leg = leg;
  entry.tag = listening.tag;
  entry.peer = core.peer(leg);
  entry.local = core.local(leg);
  entry.is_client = true;
  ++clients_;
  core.set_token(leg, pack(entry_id));
  emit({.kind = EventKind::kAccepted, .tag = listening.tag, .conn = conn_of(entry_id)});
  if (fate == LegFate::kSaidFin) told_closed(entry_id, entry, base::Errno::kNone);
  return true;
}

void DpdkTransport::publish() {
  stats_.connections = entries_.size();
  stats_.relays = relay_count_;
  stats_.held_bytes = datapath_.core().early_bytes();
}

}  // namespace backends::dpdk
