// What the core counts. Plain numbers with one writer; the binding publishes them.
#pragma once

#include <array>
#include <cstdint>

#include "backends/dpdk/splice_core/drop_reason.h"

namespace backends::dpdk::splice_core {

struct CoreStats {
  std::uint64_t packets = 0;     // Given to receive().
  std::uint64_t translated = 0;  // Passed on from one leg to the other.
  std::array<std::uint64_t, kDropReasons> drops{};

  std::uint64_t cookies_sent = 0;
  std::uint64_t cookies_accepted = 0;
  std::uint64_t cookies_refused = 0;
  std::uint64_t half_open_full = 0;  // SYNs that have the cookie alone.
  std::uint64_t syn_acks_repeated = 0;

  std::uint64_t connects = 0;  // SYNs to upstreams, first ones only.
  std::uint64_t syns_repeated = 0;
  std::uint64_t stale_answers = 0;  // An upstream's old socket answered our SYN: reset and again.
  std::uint64_t connected = 0;
  std::uint64_t probes_answered = 0;  // Of parked upstreams and waiting clients.
  std::uint64_t ports_exhausted = 0;
  std::uint64_t legs_full = 0;

  std::uint64_t attached = 0;
  std::uint64_t attach_repeated = 0;   // Window updates sent again.
  std::uint64_t headers_sent = 0;      // PROXY headers,
  std::uint64_t headers_repeated = 0;  // and again,
  std::uint64_t headers_failed = 0;    // until it was too often.
  std::uint64_t mss_too_large = 0;     // Joined to an upstream that may send larger segments than
                                       // the client takes.
  std::uint64_t early_held = 0;        // Segments kept for the upstream to come.
  std::uint64_t sack_shifted = 0;
  std::uint64_t sack_blanked = 0;
  std::uint64_t timers_dropped = 0;  // A queue of timers was full.

  std::uint64_t resets_sent = 0;
  std::uint64_t challenges_sent = 0;
  std::uint64_t answers_limited = 0;  // Neither: past the rate.
  std::uint64_t icmp_passed = 0;
  std::uint64_t closed = 0;  // Pairs: both FINs acknowledged,
  std::uint64_t client_resets = 0;
  std::uint64_t upstream_resets = 0;
  std::uint64_t aborted = 0;
  std::uint64_t replaced = 0;  // A lingering pair gave way to the client's next SYN.

  std::uint64_t sweeps = 0;             // Whole walks over the pairs,
  std::uint64_t swept = 0;              // the pairs they looked at,
  std::uint64_t sweep_nanoseconds = 0;  // and how long that took.

  // Gauges.
  std::uint64_t pairs = 0;
  std::uint64_t lingering = 0;
  std::uint64_t legs = 0;
  std::uint64_t parked = 0;
  std::uint64_t half_open = 0;
  std::uint64_t openings = 0;
  std::uint64_t early_bytes = 0;
  std::uint64_t ports_in_use = 0;
  std::uint64_t table_entries = 0;
  std::uint64_t table_places = 0;
  std::uint64_t memory_bytes = 0;

  void drop(DropReason reason) { ++drops[static_cast<std::size_t>(reason)]; }
};

}  // namespace backends::dpdk::splice_core
