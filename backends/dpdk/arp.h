// ARP for IPv4 over Ethernet (RFC 826; announcements: RFC 5227, 3). Frames in and out, no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/dpdk/device.h"
#include "backends/dpdk/neighbour_message.h"
#include "backends/dpdk/splice_core/flow_key.h"

namespace backends::dpdk {

// Nothing: too short, not Ethernet and IPv4, or of a station that cannot be one.
std::optional<NeighbourMessage<splice_core::Ip4>> read_arp(std::span<const std::byte> frame);

// These three write a whole frame and return its size; there is room for kNeighbourFrameMax.

// Who is `wanted`? To everybody, or only to `known`, the station it had last.
std::uint32_t write_question(std::byte* frame, const MacAddress& our_mac,
                             const splice_core::Ip4& our_ip, const splice_core::Ip4& wanted,
                             const std::optional<MacAddress>& known);
// `our_ip` is here. To the one who asked.
std::uint32_t write_answer(std::byte* frame, const MacAddress& our_mac,
                           const splice_core::Ip4& our_ip, const MacAddress& to_mac,
                           const splice_core::Ip4& to_ip);
// `our_ip` is here. To everybody, unasked.
std::uint32_t write_announcement(std::byte* frame, const MacAddress& our_mac,
                                 const splice_core::Ip4& our_ip);

}  // namespace backends::dpdk
