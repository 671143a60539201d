// DpdkTransport's connects: the way to the remote, the sources, and the wait for the Ethernet
// address of the next station.
#include <algorithm>

#include "backends/dpdk/dpdk_transport.h"
#include "backends/dpdk/transport_ids.h"

namespace backends::dpdk {
namespace {

using splice_core::LegFate;
using splice_core::LegId;

// Connects whose next station is looked for in one round.
constexpr std::size_t kResolvesAtOnce = 64;

}  // namespace

Connection DpdkTransport::connect(const ConnectSpec& spec, Tag tag) {
  const base::SlotId id = entries_.emplace();
  if (id.generation == 0) {
    ++stats_.connects_refused;
    owed_.push_back({.kind = EventKind::kConnected, .error = base::to_errno(EMFILE), .tag = tag});
    return {};
  }
  stats_.connections = entries_.size();
  Entry& entry = entries_[id];
  entry.tag = tag;
  entry.peer = spec.remote.ip;
  entry.has_leg = false;
  if (const auto started = start_connect(spec, id); !started) {
    owed_.push_back(
        {.kind = EventKind::kConnected, .error = started.error(), .tag = tag, .conn = conn_of(id)});
  }
  return {*this, conn_of(id)};
}

base::Result<void> DpdkTransport::start_connect(const ConnectSpec& spec, base::SlotId id) {
  if (spec.remote.family() == base::Family::kUnix) {
    return base::failure(base::to_errno(EAFNOSUPPORT));
  }
  const Way way = datapath_.way_to(spec.remote.ip);
  if (way.reach == Reach::kUnreachable) return base::failure(base::to_errno(EHOSTUNREACH));
  const auto sources = choose_sources(spec, way.sources);
  splice_core::SpliceCore& core = datapath_.core();
  std::uint16_t mss = 0;
  if (spec.client != ConnId::kNone) {
    const Entry* const client = entries_.find(slot_of(spec.client));
    if (client != nullptr && client->has_leg && client->peer.family == spec.remote.family() &&
        core.fate(client->leg) != LegFate::kGone) {
      mss = std::min(core.mss(client->leg), core.own_mss(spec.remote.family()));
    }
  }
  const auto leg = sources.empty()
                       ? base::Result<LegId>(base::failure(base::to_errno(EADDRNOTAVAIL)))
                       : core.connect({.remote = spec.remote.ip,
                                       .sources = sources,
                                       .first_source = spec.first_source % sources.size(),
                                       .mss = mss,
                                       .hop = way.hop,
                                       .token = pack(id)});
  if (!leg) {
    if (leg.error() == base::to_errno(EADDRNOTAVAIL)) ++stats_.sources_exhausted;
    ++stats_.connects_refused;
    return base::failure(leg.error());
  }
  Entry& entry = entries_[id];
  entry.leg = *leg;
  entry.has_leg = true;
  entry.local = core.local(*leg);
  if (way.reach == Reach::kPending) resolving_.push_back({id, spec.remote.ip});
  return {};
}

std::span<const base::IpPort> DpdkTransport::choose_sources(const ConnectSpec& spec,
                                                            std::span<const base::IpPort> ours) {
  if (spec.sources.empty()) return ours;
  sources_.clear();
  for (base::IpPort wanted : spec.sources) {
    wanted.port = 0;
    const auto same = [&](base::IpPort each) {
      each.port = 0;
      return each == wanted;
    };
    if (std::ranges::any_of(ours, same)) sources_.push_back(wanted);
  }
  return sources_;
}

void DpdkTransport::resolve() {
  const std::size_t count = std::min(resolving_.size(), kResolvesAtOnce);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < resolving_.size(); ++i) {
    const Resolving waiting = resolving_[i];
    Entry* const entry = entries_.find(waiting.entry);
    if (entry == nullptr) continue;  // Closed meanwhile.
    if (i >= count) {
      resolving_[kept++] = waiting;
      continue;
    }
    const Way way = datapath_.way_to(waiting.remote);
    switch (way.reach) {
      case Reach::kKnown:
        datapath_.core().reach(entry->leg, way.hop);
        break;
      case Reach::kPending:
        resolving_[kept++] = waiting;
        break;
      case Reach::kUnreachable:
        datapath_.core().close(entry->leg, true);
        entry->has_leg = false;
        emit({.kind = EventKind::kConnected,
              .error = base::to_errno(EHOSTUNREACH),
              .tag = entry->tag,
              .conn = conn_of(waiting.entry)});
        break;
    }
  }
  resolving_.resize(kept);
}

}  // namespace backends::dpdk
