#include "backends/dpdk/splice_core/splice_core.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/dpdk/splice_core/wire.h"
#include "base/assert.h"

namespace backends::dpdk::splice_core {
namespace {

// Timers handled by one advance(): more wait for the next, so that a storm does not stop packets.
constexpr std::size_t kTimersAtOnce = 256;
// The sweep comes round in so long, in slices of the time that has passed.
constexpr base::Nanos kSweepRound = std::chrono::seconds(2);
constexpr std::size_t kSweepSliceMax = 65536;  // About 0.2 ms.
// Pairs that one slice frees: each takes two entries out of the index, about 0.25 us together
// (measured, tests/bench/c10m). Without a bound a million that ended at once stopped packets for
// 24 ms.
constexpr std::size_t kSweepFreesMax = 1024;
// Slices smaller than this wait: looking at the clock for a handful of pairs costs more than they.
constexpr base::Nanos kSweepEvery = std::chrono::milliseconds(1);

Ip4 ip4_of(const base::IpPort& address) {
  Ip4 ip;
  std::memcpy(&ip, address.bytes.data(), sizeof(ip));
  return ip;
}
Ip6 ip6_of(const base::IpPort& address) {
  Ip6 ip;
  std::memcpy(&ip, address.bytes.data(), sizeof(ip));
  return ip;
}

template <typename Ip>
base::IpPort ip_port_of(const Ip& ip, std::uint16_t port) {
  base::IpPort address;
  address.family = sizeof(Ip) == sizeof(Ip4) ? base::Family::kV4 : base::Family::kV6;
  std::memcpy(address.bytes.data(), &ip, sizeof(ip));
  address.port = swap_bytes(port);
  return address;
}

template <typename Ip>
Ip ip_of(const base::IpPort& address) {
  if constexpr (sizeof(Ip) == sizeof(Ip4)) {
    return ip4_of(address);
  } else {
    return ip6_of(address);
  }
}

template <typename Ip>
base::Result<LegId> connect_in(Splice<Ip>& splice, const SpliceCore::Connect& wish,
                               std::uint16_t mss) {
  constexpr std::size_t kSourcesMax = 256;
  CHECK(wish.sources.size() <= kSourcesMax);
  std::array<Ip, kSourcesMax> sources;
  std::ranges::transform(wish.sources, sources.begin(),
                         [](const base::IpPort& each) { return ip_of<Ip>(each); });
  const auto leg = splice.connect({.remote = ip_of<Ip>(wish.remote),
                                   .remote_port = swap_bytes(wish.remote.port),
                                   .sources = std::span(sources).first(wish.sources.size()),
                                   .first_source = wish.first_source,
                                   .mss = wish.mss != 0 ? wish.mss : mss,
                                   .hop = wish.hop,
                                   .token = wish.token});
  if (!leg) return base::failure(leg.error());
  return LegId{.slot = *leg, .family = Splice<Ip>::kFamily};
}

template <typename Ip>
Listening<Ip> listening_of(const base::IpPort& address, std::uint64_t token) {
  return {.address = ip_of<Ip>(address),
          .any_address = base::is_wildcard(address),
          .port = swap_bytes(address.port),
          .token = token};
}

template <typename Ip>
std::vector<Ip> of_family(std::span<const base::IpPort> addresses, base::Family family) {
  std::vector<Ip> found;
  for (const base::IpPort& each : addresses) {
    if (each.family == family) found.push_back(ip_of<Ip>(each));
  }
  return found;
}

}  // namespace

SpliceCore::SpliceCore(const CoreOptions& options, Outbox& outbox, PortChoice choice)
    : shared_(options, outbox),
      v4_(shared_, std::move(choice.v4)),
      v6_(shared_, std::move(choice.v6)) {}

void SpliceCore::advance(base::Nanos now) {
  if (now > shared_.now) {
    shared_.now = now;
    shared_.seconds = static_cast<std::uint32_t>(now / std::chrono::seconds(1));
  }
  v4_.run_timers(kTimersAtOnce);
  v6_.run_timers(kTimersAtOnce);
  const base::Nanos passed = shared_.now - swept_at_;
  if (passed < kSweepEvery) return;
  swept_at_ = shared_.now;
  const double share = std::min(1.0, base::to_seconds(passed) / base::to_seconds(kSweepRound));
  const auto slice = [&](std::size_t slots) {
    return std::min(kSweepSliceMax,
                    static_cast<std::size_t>(share * static_cast<double>(slots)) + 1);
  };
  const base::Nanos begin = base::monotonic_now();
  const bool done4 = v4_.sweep(slice(v4_.slots()), kSweepFreesMax);
  const bool done6 = v6_.sweep(slice(v6_.slots()), kSweepFreesMax);
  shared_.stats.sweep_nanoseconds +=
      static_cast<std::uint64_t>((base::monotonic_now() - begin).count());
  if (done4 && done6) ++shared_.stats.sweeps;
}

bool SpliceCore::sweep(std::size_t slots) {
  const bool done4 = v4_.sweep(slots, slots);
  const bool done6 = v6_.sweep(slots, slots);
  return done4 && done6;
}

void SpliceCore::receive(std::span<Packet> burst) {
  CHECK(burst.size() <= kBurstMax);
  std::size_t count4 = 0;
  std::size_t count6 = 0;
  shared_.stats.packets += burst.size();
  for (Packet& packet : burst) {
    packet.verdict = Verdict::kDrop;
    if (parse_usual(packet.data, packet.size, work4_[count4].envelope)) {
      work4_[count4].packet = &packet;
      v4_.begin(work4_[count4++]);
      continue;
    }
    const auto envelope = parse_envelope({packet.data, packet.size});
    if (!envelope) {
      shared_.stats.drop(envelope.error());
      continue;
    }
    switch (envelope->kind) {
      case PacketKind::kTcp4:
        work4_[count4].packet = &packet;
        work4_[count4].envelope = *envelope;
        v4_.begin(work4_[count4++]);
        break;
      case PacketKind::kTcp6:
        work6_[count6].packet = &packet;
        work6_[count6].envelope = *envelope;
        v6_.begin(work6_[count6++]);
        break;
      case PacketKind::kIcmp4:
        v4_.icmp(packet, *envelope);
        break;
      case PacketKind::kIcmp6:
        v6_.icmp(packet, *envelope);
        break;
    }
  }
  v4_.run(std::span(work4_).first(count4));
  v6_.run(std::span(work6_).first(count6));
}

const CoreStats& SpliceCore::stats() {
  snapshot_ = shared_.stats;
  v4_.add_gauges(snapshot_);
  v6_.add_gauges(snapshot_);
  snapshot_.early_bytes = shared_.early.bytes();
  return snapshot_;
}

void SpliceCore::set_own_addresses(std::span<const base::IpPort> addresses) {
  v4_.set_own_addresses(of_family<Ip4>(addresses, base::Family::kV4));
  v6_.set_own_addresses(of_family<Ip6>(addresses, base::Family::kV6));
}

void SpliceCore::listen(const base::IpPort& address, std::uint64_t token) {
  if (address.family == base::Family::kV4) {
    v4_.listen(listening_of<Ip4>(address, token));
  } else {
    CHECK(address.family == base::Family::kV6);
    v6_.listen(listening_of<Ip6>(address, token));
  }
}

void SpliceCore::set_accepting(std::uint64_t token, bool accepting) {
  v4_.set_accepting(token, accepting);
  v6_.set_accepting(token, accepting);
}

void SpliceCore::unlisten(std::uint64_t token) {
  v4_.unlisten(token);
  v6_.unlisten(token);
}

base::Result<LegId> SpliceCore::connect(const Connect& wish) {
  if (wish.remote.family == base::Family::kV4) {
    return connect_in(v4_, wish, shared_.options.mss4);
  }
  CHECK(wish.remote.family == base::Family::kV6);
  return connect_in(v6_, wish, shared_.options.mss6);
}

// A call that is the same in both families.
template <typename Call>
auto SpliceCore::in(CoreFamily family, Call call) {
  return family == CoreFamily::kV4 ? call(v4_) : call(v6_);
}
template <typename Call>
auto SpliceCore::in(CoreFamily family, Call call) const {
  return family == CoreFamily::kV4 ? call(v4_) : call(v6_);
}

void SpliceCore::reach(const LegId& leg, Hop hop) {
  in(leg.family, [&](auto& splice) { splice.reach(leg.slot, hop); });
}

void SpliceCore::set_token(const LegId& leg, std::uint64_t token) {
  in(leg.family, [&](auto& splice) { splice.set_token(leg.slot, token); });
}

LegFate SpliceCore::fate(const LegId& leg) const {
  return in(leg.family, [&](const auto& splice) {
    const auto* const found = splice.leg(leg.slot);
    if (found == nullptr) return LegFate::kGone;
    switch (found->state) {
      case LegState::kSynSent:
        return LegFate::kConnecting;
      case LegState::kOpen:
        return found->fin_came ? LegFate::kSaidFin : LegFate::kOpen;
      case LegState::kGone:
      case LegState::kClosing:
        break;
    }
    return LegFate::kGone;
  });
}

base::IpPort SpliceCore::peer(const LegId& leg) const {
  return in(leg.family, [&](const auto& splice) {
    const auto* const found = splice.leg(leg.slot);
    CHECK(found != nullptr);
    return ip_port_of(found->flow.remote, found->flow.remote_port);
  });
}

base::IpPort SpliceCore::local(const LegId& leg) const {
  return in(leg.family, [&](const auto& splice) {
    const auto* const found = splice.leg(leg.slot);
    CHECK(found != nullptr);
    return ip_port_of(found->flow.local, found->flow.local_port);
  });
}

std::uint16_t SpliceCore::mss(const LegId& leg) const {
  return in(leg.family, [&](const auto& splice) {
    const auto* const found = splice.leg(leg.slot);
    CHECK(found != nullptr);
    return found->options.mss;
  });
}

std::uint16_t SpliceCore::own_mss(base::Family family) const {
  return family == base::Family::kV4 ? shared_.options.mss4 : shared_.options.mss6;
}

base::Nanos SpliceCore::round_trip(const LegId& leg) const {
  return in(leg.family, [&](const auto& splice) {
    const auto* const found = splice.leg(leg.slot);
    CHECK(found != nullptr);
    return found->since;
  });
}

void SpliceCore::close(const LegId& leg, bool reset) {
  in(leg.family, [&](auto& splice) { splice.close(leg.slot, reset); });
}

base::Result<PairId> SpliceCore::attach(const LegId& client, const LegId& upstream,
                                        std::span<const std::byte> header, std::uint32_t skip) {
  CHECK(client.family == upstream.family);
  return in(client.family,
            [&](auto& splice) { return splice.attach(client.slot, upstream.slot, header, skip); });
}

void SpliceCore::abort(const PairId& pair) {
  in(pair.family, [&](auto& splice) { splice.abort(pair); });
}

std::optional<PairFacts> SpliceCore::facts(const PairId& pair) const {
  return in(pair.family, [&](const auto& splice) -> std::optional<PairFacts> {
    const auto* const found = splice.pair(pair);
    if (found == nullptr) return std::nullopt;
    return splice.facts_of(*found);
  });
}

void SpliceCore::taken(const PairId& pair) {
  in(pair.family, [&](auto& splice) {
    auto* const found = splice.pair(pair);
    if (found != nullptr) found->flags &= static_cast<std::uint8_t>(~kNoted);
  });
}

void SpliceCore::reset_everything() {
  v4_.reset_everything();
  v6_.reset_everything();
}

}  // namespace backends::dpdk::splice_core
