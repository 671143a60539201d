// Pings to our addresses (RFC 792, RFC 4443 4): the answer is written over the question and goes
// back to the station it came from. No state; how many are answered is link.h's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/dpdk/device.h"

namespace backends::dpdk {

// A first look at an IPv4 or IPv6 frame of any size. With IP options it is not seen as one.
bool is_echo_request4(std::span<const std::byte> frame);
bool is_echo_request6(std::span<const std::byte> frame);

// Turns a request into its answer, Ethernet header included. False, with the frame as it was: it is
// a fragment, contradicts itself, or a checksum is wrong.
bool answer_echo4(const Frame& frame, const MacAddress& our_mac);
bool answer_echo6(const Frame& frame, const MacAddress& our_mac);

}  // namespace backends::dpdk
