// Neighbour solicitations and advertisements of IPv6 over Ethernet (RFC 4861, 4.3, 4.4 and 7;
// RFC 2464). Frames in and out, no state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/dpdk/device.h"
#include "backends/dpdk/neighbour_message.h"
#include "backends/dpdk/splice_core/flow_key.h"

namespace backends::dpdk {

inline constexpr std::uint8_t kNeighbourSolicitation = 135;
inline constexpr std::uint8_t kNeighbourAdvertisement = 136;

// Nothing: neither of the two, or not valid by RFC 4861, 7.1. The frame is an IPv6 one.
std::optional<NeighbourMessage<splice_core::Ip6>> read_ndp(std::span<const std::byte> frame);

// These three write a whole frame and return its size; there is room for kNeighbourFrameMax.

// Who is `wanted`? To its group of stations, or only to `known`, the station it had last.
std::uint32_t write_question(std::byte* frame, const MacAddress& our_mac,
                             const splice_core::Ip6& our_ip, const splice_core::Ip6& wanted,
                             const std::optional<MacAddress>& known);
// `our_ip` is here. To the one who asked; to everybody when `to_ip` is unspecified.
std::uint32_t write_answer(std::byte* frame, const MacAddress& our_mac,
                           const splice_core::Ip6& our_ip, const MacAddress& to_mac,
                           const splice_core::Ip6& to_ip);
// `our_ip` is here. To everybody, unasked.
std::uint32_t write_announcement(std::byte* frame, const MacAddress& our_mac,
                                 const splice_core::Ip6& our_ip);

}  // namespace backends::dpdk
