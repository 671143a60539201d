// What the core keeps of two joined connections: one cache line for IPv4, two for IPv6. The
// client's leg and the upstream's differ by constants that were fixed when they were joined; per
// packet they are added, and the few numbers that an exact RST needs are noted (facts/dpdk.md, 2
// and 2.5).
#pragma once

#include <array>
#include <cstdint>

#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/packet.h"

namespace backends::dpdk::splice_core {

// The two legs: indices of the arrays below. A segment that *came from* side s has its numbers
// moved by the shifts of s; its receiver is the other side.
enum class Side : std::uint8_t { kClient, kUpstream };
inline constexpr std::size_t kSides = 2;
constexpr std::size_t index_of(Side side) { return static_cast<std::size_t>(side); }
constexpr Side other(Side side) { return side == Side::kClient ? Side::kUpstream : Side::kClient; }

enum class PairState : std::uint8_t {
  kFree,
  kAttached,    // The upstream has not been heard since: it may not know the client's window.
  kHeaderSent,  // It has not acknowledged the PROXY header.
  kOpen,
  kLingering  // Both FINs were acknowledged: kept for what is sent again, then swept.
};

// Announced to both sides: 128-byte steps, 8 MiB at most. A large one would make small windows zero
// (facts/dpdk.md, 2.1).
inline constexpr std::uint8_t kOurWindowScale = 7;

// What is true of a pair, as bits.
enum PairFlag : std::uint8_t {
  kFinFromClient = 1U << 0U,  // A FIN came; it counts once the other side acknowledged it.
  kFinFromUpstream = 1U << 1U,
  kFinAckedByUpstream = 1U << 2U,  // The client's FIN.
  kFinAckedByClient = 1U << 3U,
  kClientLacksSack = 1U << 4U,
  kUpstreamLacksSack = 1U << 5U,
  kNoted = 1U << 6U  // A kAdvanced event of it waits to be taken.
};
constexpr std::uint8_t fin_from(Side side) {
  return side == Side::kClient ? kFinFromClient : kFinFromUpstream;
}
// The FIN of the other side.
constexpr std::uint8_t fin_acked_by(Side side) {
  return side == Side::kClient ? kFinAckedByClient : kFinAckedByUpstream;
}

template <typename Ip>
struct alignas(64) Pair {
  // The flow of each leg, as its segments arrive.
  std::array<Ip, kSides> remote;  // Client's address, endpoint's address.
  std::array<Ip, kSides> local;   // Where the client connected to; where we connected from.
  std::array<std::uint16_t, kSides> remote_port;  // Wire order.
  std::array<std::uint16_t, kSides> local_port;

  // Added to the sequence numbers of segments from this side; subtracted from the acknowledgements
  // (and SACK edges) of segments from the other one.
  std::array<std::uint32_t, kSides> seq_shift;
  // The highest acknowledgement this side has sent, in the numbers of its own leg: what it expects
  // next, and so the sequence number of an exact RST to it.
  std::array<std::uint32_t, kSides> acked;
  // The first number after all that this side has sent, in the numbers of its own leg.
  std::array<std::uint32_t, kSides> sent;

  // Seconds of the core's clock when payload moved last; kLingering: when it ended; kFree: the next
  // free slot.
  std::uint32_t active = 0;
  std::array<Hop, kSides> hop;  // The station behind which this side is.
  std::uint16_t stamp = 0;      // Counts the lives of this slot: tells old timers from new.
  std::uint8_t flags = 0;       // PairFlag.
  PairState state = PairState::kFree;
  // What this side announced for its windows. kNoWindowScale: it offered none, so ours to it are
  // not scaled either; to all others we announced kOurWindowScale.
  std::array<std::uint8_t, kSides> window_scale;
  std::uint16_t client_window = 0;  // As the client's last segment had it: for segments of our own.

  // In use, and this is the flow of that leg.
  bool is(Side side, const FlowKey<Ip>& flow) const {
    const std::size_t at = index_of(side);
    return remote_port[at] == flow.remote_port && local_port[at] == flow.local_port &&
           remote[at] == flow.remote && local[at] == flow.local && state != PairState::kFree;
  }
  FlowKey<Ip> flow(Side side) const {
    const std::size_t at = index_of(side);
    return {remote[at], local[at], remote_port[at], local_port[at]};
  }
};

static_assert(sizeof(Pair<Ip4>) == 64, "one cache line");
static_assert(sizeof(Pair<Ip6>) == 128, "two cache lines");

}  // namespace backends::dpdk::splice_core
