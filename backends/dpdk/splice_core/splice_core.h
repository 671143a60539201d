// The splice core of one worker: TCP connections of clients and upstreams that are ours, and pairs
// of them that are joined by rewriting headers. No byte of payload is ever stored or copied, except
// a client's first segments while it has no upstream. Loss recovery, flow and congestion control
// stay between the endpoints (architecture.md 3.3; facts/dpdk.md).
//
// The owner gives it bursts of IP packets and the time, sends what it marks, and takes its events.
// Nothing calls back but Outbox. One thread; no allocation once the tables have grown.
//
//   core.advance(now);              // Timers; a slice of the sweep.
//   core.receive(burst);            // Each packet gets its verdict.
//   for (event : core.events()) ...
//   core.clear_events();
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/dpdk/splice_core/core_event.h"
#include "backends/dpdk/splice_core/core_options.h"
#include "backends/dpdk/splice_core/core_stats.h"
#include "backends/dpdk/splice_core/splice.h"
#include "base/address.h"
#include "base/result.h"

namespace backends::dpdk::splice_core {

// Reports for which local ports replies come to this worker; see LocalPorts::Mine.
struct PortChoice {
  LocalPorts<Ip4>::Mine v4 = [](const FlowKey<Ip4>&) { return true; };
  LocalPorts<Ip6>::Mine v6 = [](const FlowKey<Ip6>&) { return true; };
};

// What has become of a leg.
enum class LegFate : std::uint8_t { kConnecting, kOpen, kSaidFin, kGone };

class SpliceCore {
 public:
  // The most packets of one receive().
  static constexpr std::size_t kBurstMax = 64;

  // outbox must outlive the core.
  SpliceCore(const CoreOptions& options, Outbox& outbox, PortChoice choice = {});

  // --- The world. Time never goes back: an earlier `now` is taken as the last one.
  void advance(base::Nanos now);
  // Rewrites in place and sets each packet's verdict and hop.
  void receive(std::span<Packet> burst);
  std::span<const CoreEvent> events() const { return shared_.events; }
  void clear_events() { shared_.events.clear(); }
  std::size_t early_bytes() const { return shared_.early.bytes(); }
  const CoreStats& stats();  // With the gauges of this moment.
  base::Nanos now() const { return shared_.now; }
  // What the memory of a family's pairs became.
  PageKind page_kind(CoreFamily family) const {
    return family == CoreFamily::kV4 ? v4_.page_kind() : v6_.page_kind();
  }

  // --- Listeners. Addresses that are ours: a stranger's segment to one of them draws a RST.
  void set_own_addresses(std::span<const base::IpPort> addresses);
  // A wildcard takes every address that a packet reaches us with. token names it in kAccepted.
  void listen(const base::IpPort& address, std::uint64_t token);
  // While it does not accept, SYNs and first ACKs are dropped: clients try again.
  void set_accepting(std::uint64_t token, bool accepting);
  void unlisten(std::uint64_t token);

  // --- Legs.
  struct Connect {
    base::IpPort remote;
    std::span<const base::IpPort> sources;  // Of the same family; at least one. Ports are ignored.
    std::size_t first_source = 0;
    std::uint16_t mss = 0;  // Announced; 0: the option's. Lower for a client that takes less.
    Hop hop = kNoHop;       // kNoHop: reach() will say; no SYN leaves before.
    std::uint64_t token = 0;
  };
  // One kConnected follows. Errors: EADDRNOTAVAIL (no port is left), EMFILE (no leg is left).
  base::Result<LegId> connect(const Connect& wish);
  void reach(const LegId& leg, Hop hop);
  void set_token(const LegId& leg, std::uint64_t token);
  // kGone as well for a name that is no more.
  LegFate fate(const LegId& leg) const;
  base::IpPort peer(const LegId& leg) const;
  base::IpPort local(const LegId& leg) const;
  std::uint16_t mss(const LegId& leg) const;         // What the other end takes.
  std::uint16_t own_mss(base::Family family) const;  // What we announce.
  base::Nanos round_trip(const LegId& leg) const;    // Of an upstream's handshake.
  // reset: RST now. Else FIN, sent again until it is acknowledged; RST when segments were kept. The
  // name is no more.
  void close(const LegId& leg, bool reset);

  // --- Pairs.
  // Joins two open legs of one family and consumes both, whatever comes of it. header: sent to the
  // upstream before the client's first byte, at most kHeaderMax bytes; skip: bytes of the client's
  // stream that the upstream never gets. Errors: ECONNRESET (client gone; the upstream was reset),
  // EPIPE (upstream gone; the client was reset), ENOMEM (no pair or no memory; both were reset).
  base::Result<PairId> attach(const LegId& client, const LegId& upstream,
                              std::span<const std::byte> header, std::uint32_t skip);
  // RST to both sides, with the numbers they expect. No event follows.
  void abort(const PairId& pair);
  // Nothing: it has ended.
  std::optional<PairFacts> facts(const PairId& pair) const;
  // The owner has taken the kAdvanced event of this pair: the next one may come.
  void taken(const PairId& pair);

  // RST to everybody: a clean end, so that no stale socket is left behind (facts/dpdk.md, 2.5).
  void reset_everything();

  // Looks at `slots` of the pairs for lingering and idle ones; advance() does it a slice at a time,
  // this is for tests and measurements. True when it came round.
  bool sweep(std::size_t slots);

 private:
  template <typename Call>
  auto in(CoreFamily family, Call call);
  template <typename Call>
  auto in(CoreFamily family, Call call) const;

  Shared shared_;
  Splice<Ip4> v4_;
  Splice<Ip6> v6_;
  // The burst on its way through the stages; kept, because clearing it costs as much as a packet.
  std::array<Work<Ip4>, kBurstMax> work4_;
  std::array<Work<Ip6>, kBurstMax> work6_;
  base::Nanos swept_at_{0};
  CoreStats snapshot_;
};

}  // namespace backends::dpdk::splice_core
