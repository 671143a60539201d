// The public names of connections, listeners and relays, and the tokens that the core keeps for us:
// slots and generations in one word.
#pragma once

#include <cstdint>

#include "backends/dpdk/splice_core/core_event.h"
#include "backends/transport.h"
#include "base/slab.h"

namespace backends::dpdk {

// The tokens of the core's legs: an entry, or a listener.
inline constexpr std::uint64_t kListenerBit = std::uint64_t{1} << 63U;
inline std::uint64_t pack(base::SlotId id) {
  return (std::uint64_t{id.generation} << 32U) | id.slot;
}
inline base::SlotId unpack(std::uint64_t word) {
  return {.slot = static_cast<std::uint32_t>(word),
          .generation = static_cast<std::uint32_t>((word & ~kListenerBit) >> 32U)};
}
inline std::uint64_t listener_token(base::SlotId id) { return pack(id) | kListenerBit; }

inline base::SlotId slot_of(ConnId conn) { return unpack(static_cast<std::uint64_t>(conn)); }
inline base::SlotId slot_of(ListenerId listener) {
  return unpack(static_cast<std::uint64_t>(listener));
}
inline ConnId conn_of(base::SlotId id) { return static_cast<ConnId>(pack(id)); }

// A relay's public name: the pair's, and a bit that keeps it from being kNone.
inline constexpr std::uint64_t kRelayBit = std::uint64_t{1} << 63U;
inline RelayId relay_of(const splice_core::PairId& pair) {
  const auto family = static_cast<std::uint64_t>(pair.family);
  return static_cast<RelayId>(kRelayBit | (family << 48U) | (std::uint64_t{pair.stamp} << 32U) |
                              pair.slot);
}
inline splice_core::PairId pair_of(RelayId relay) {
  const auto word = static_cast<std::uint64_t>(relay);
  return {.slot = static_cast<std::uint32_t>(word),
          .stamp = static_cast<std::uint16_t>(word >> 32U),
          .family = static_cast<splice_core::CoreFamily>((word >> 48U) & 1U)};
}

}  // namespace backends::dpdk
