// What the core tells its owner, in the order it happened; taken after receive() and advance().
#pragma once

#include <array>
#include <cstdint>

#include "base/errno.h"
#include "base/slab.h"

namespace backends::dpdk::splice_core {

enum class CoreFamily : std::uint8_t { kV4, kV6 };

// A connection that is not joined.
struct LegId {
  base::SlotId slot;
  CoreFamily family = CoreFamily::kV4;
  friend bool operator==(const LegId&, const LegId&) = default;
};

// Two that are. The stamp tells one life of a slot from the next (16 bits: for 65,535 lives).
struct PairId {
  std::uint32_t slot = 0;
  std::uint16_t stamp = 0;
  CoreFamily family = CoreFamily::kV4;
  friend bool operator==(const PairId&, const PairId&) = default;
};

enum class PairEnd : std::uint8_t { kBothClosed, kClientReset, kUpstreamReset, kFailed };

enum class CoreEventKind : std::uint8_t {
  kAccepted,   // leg: a client whose handshake is complete. token: its listener's.
  kConnected,  // leg: error is kNone, or why there is no connection. Exactly one for each
               // connect().
  kLegClosed,  // leg: FIN (kNone) or RST (ECONNRESET) came.
  kAdvanced,   // pair: payload moved, or a first FIN passed. At most one for each pair until taken.
  kEnded,      // pair: end says how; the pair is not to be named any more. Not after abort().
  kIdle        // pair: its payload has not moved for CoreOptions::idle. Once for each sweep.
};

// How far a pair has come. [0] is towards the upstream, [1] towards the client.
struct PairFacts {
  // The highest acknowledgements of the receiving sides. Only their differences mean something: the
  // bytes that have arrived in between, a FIN counted as one.
  std::array<std::uint32_t, 2> acknowledged{};
  std::array<bool, 2> fin_seen{};
  std::array<bool, 2> fin_acknowledged{};
  std::uint32_t active_s = 0;  // Seconds of the core's clock when payload moved last.
};

struct CoreEvent {
  CoreEventKind kind;
  PairEnd end = PairEnd::kBothClosed;
  base::Errno error = base::Errno::kNone;
  LegId leg;
  PairId pair;
  std::uint64_t token =
      0;            // Of a leg: what the owner gave with listen(), connect() or set_token().
  PairFacts facts;  // kEnded only: the last ones.
};

}  // namespace backends::dpdk::splice_core
