// What ARP (IPv4) and neighbour discovery (IPv6) say to each other, in one form: who is asked for,
// who asks, and at which Ethernet address somebody is. Read from and written to whole frames by
// arp.h and ndp.h, with the same functions for both families.
#pragma once

#include <cstdint>
#include <optional>

#include "backends/dpdk/device.h"

namespace backends::dpdk {

// The longest frame that arp.h and ndp.h write: Ethernet, IPv6, a solicitation with its option.
inline constexpr std::uint32_t kNeighbourFrameMax = 14 + 40 + 24 + 8;

template <typename Ip>
struct NeighbourMessage {
  enum class Kind : std::uint8_t { kQuestion, kAnswer };
  Kind kind = Kind::kQuestion;
  Ip target;  // kQuestion: who is looked for. kAnswer: whose station is told.
  Ip sender;  // kQuestion: who asks; unspecified when it only tests whether the address is free.
  // Of the sender (kQuestion) or of the target (kAnswer). NDP may leave it out.
  std::optional<MacAddress> mac;
  bool overrides = true;   // NDP: replaces what is known. ARP always does.
  bool solicited = false;  // NDP: answers a question. Without it nothing is confirmed.
};

}  // namespace backends::dpdk
