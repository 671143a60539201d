// A connection of ours that is not joined to another: a client that waits for its upstream, or an
// upstream that connects, waits in a pool, or says goodbye. We are its TCP, as little as that
// takes: nothing is acknowledged, but the first segments are kept for the other side to come.
#pragma once

#include <cstdint>

#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/packet.h"
#include "backends/dpdk/splice_core/pair.h"
#include "backends/dpdk/splice_core/tcp_options.h"
#include "base/time.h"

namespace backends::dpdk::splice_core {

enum class LegState : std::uint8_t {
  kSynSent,  // Upstream only.
  kOpen,     // The handshake is complete.
  kGone,     // RST, or the connect failed: the owner has been told and still has to close it.
  kClosing   // The owner closed it: our FIN waits for its acknowledgement.
};

// What a parked upstream may send. Not zero: a FIN waits for a window too, so nobody would learn
// that a server has left, and a greeting is there when its client comes. A parked connection keeps
// one or two segments of it at most times.
inline constexpr std::uint16_t kParkedWindow = 1024;

// The first and last segment in EarlyStore.
inline constexpr std::uint32_t kNoSegment = 0xffffffff;

template <typename Ip>
struct Leg {
  FlowKey<Ip> flow;
  std::uint64_t token = 0;
  base::Nanos since{0};         // kSynSent: when the first SYN left; then the handshake's time.
  std::uint32_t send_next = 0;  // The number of our next byte: our ISN, then ISN + 1.
  std::uint32_t expected = 0;   // Of theirs.
  std::uint32_t early_first = kNoSegment;
  std::uint32_t early_last = kNoSegment;
  std::uint32_t early_bytes = 0;  // From `expected` on, without a gap.
  SynOptions options;             // What they offered.
  std::uint16_t our_mss = 0;      // What we announced.
  std::uint16_t window = 0;       // Their last one, as it stood there.
  Hop hop = kNoHop;
  Side side = Side::kClient;
  LegState state = LegState::kOpen;
  std::uint8_t tries = 0;  // Of SYN or FIN.
  bool fin_came = false;
  bool fin_acknowledged = false;  // Ours. kClosing only.
};

}  // namespace backends::dpdk::splice_core
