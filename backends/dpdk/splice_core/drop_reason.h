// Why a packet went no further: one enumeration for the counters, the metric and the lab.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace backends::dpdk::splice_core {

enum class DropReason : std::uint8_t {
  kShort,           // Ends before its headers, or before the length it claims.
  kBadHeader,       // Version, header length or option lengths that contradict themselves.
  kIpOptions,       // IPv4 options or IPv6 extension headers.
  kFragment,        // Of a fragmented packet.
  kNotTcp,          // Neither TCP nor an ICMP error.
  kBadChecksum,     // Only looked at where a packet would change state.
  kNotForUs,        // To an address or port where nobody listens.
  kNoState,         // A segment of no connection of ours; answered with RST under a limit.
  kBadCookie,       // An ACK without a valid cookie; answered with RST under a limit.
  kListenerPaused,  // A SYN to a listener that does not take clients now.
  kTableFull,       // No room for one more connection.
  kBadSequence,     // A FIN, RST or handshake segment outside of what can be true.
  kSynOnOpen,       // A SYN onto an open pair; answered with a challenge ACK under a limit.
  kEarlyData,       // Data before there is an upstream, past the budget: the client sends it again.
  kParkedData,      // Data of a parked server past what is kept of it.
  kIcmpUnknown,     // An ICMP error about no connection of ours, or not believable.
  kIcmpLimited,     // Past the rate limit of ICMP errors.
  kNoBuffer,        // No memory for a segment of our own.
  kCount
};

inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(DropReason::kCount);

// The label of the metric.
constexpr std::string_view name_of(DropReason reason) {
  constexpr std::array<std::string_view, kDropReasons> kNames = {
      "short",       "bad_header", "ip_options",  "fragment",        "not_tcp",      "bad_checksum",
      "not_for_us",  "no_state",   "bad_cookie",  "listener_paused", "table_full",   "bad_sequence",
      "syn_on_open", "early_data", "parked_data", "icmp_unknown",    "icmp_limited", "no_buffer"};
  return kNames.at(static_cast<std::size_t>(reason));
}

}  // namespace backends::dpdk::splice_core
