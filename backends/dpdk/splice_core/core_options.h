// The sizes and habits of one worker's core. Every size is a bound with a counter.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/dpdk/splice_core/memory.h"
#include "backends/dpdk/splice_core/siphash.h"
#include "base/time.h"

namespace backends::dpdk::splice_core {

struct CoreOptions {
  std::size_t pairs_max = 1U << 20U;  // Of each family. Memory comes as they are used.
  // Connections that are not joined: clients that wait for an upstream, and upstreams that connect,
  // are parked, or say goodbye. Of each family.
  std::size_t legs_max = 1U << 17U;
  std::size_t half_open_max = 1U << 16U;
  PageWish pages = PageWish::kTransparent;
  SipKey seed{};  // 128 unpredictable bits: cookies, hashes, sequence numbers and ports.

  // Announced to both sides (RFC 9293, 3.7.1). Lower it where clients are behind tunnels.
  std::uint16_t mss4 = 1460;
  std::uint16_t mss6 = 1440;
  // Of our SYN-ACK, not scaled: what a client may send before the upstream's own window reaches it.
  std::uint16_t first_window = 16384;
  std::uint8_t hop_limit = 64;

  // Segments of clients that have no upstream yet: what one may have, and all together. Past it the
  // client has to send again (facts/dpdk.md, 5).
  std::uint32_t early_bytes_per_client = 16384;
  std::size_t early_bytes_max = 16U << 20U;
  std::size_t openings_max = 1U << 16U;  // PROXY headers that were not acknowledged yet.

  base::Nanos linger = std::chrono::seconds(5);  // Of a pair after both FINs.
  base::Nanos port_quarantine = std::chrono::seconds(60);
  // A kIdle event of a pair whose payload has not moved for so long. 0: never.
  base::Nanos idle{0};

  // Answers to what belongs to no connection, each second: resets and challenge ACKs, ICMP errors
  // passed on.
  std::uint32_t answers_per_second = 10000;
  std::uint32_t icmp_per_second = 1000;

  bool report_advance = false;  // kAdvanced events: for an owner that keeps count.
};

}  // namespace backends::dpdk::splice_core
