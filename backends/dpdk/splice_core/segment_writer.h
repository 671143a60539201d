// Builds the core's own segments, headers and checksums complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/tcp_options.h"

namespace backends::dpdk::splice_core {

// One segment to flow.remote from flow.local.
struct OwnSegment {
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint16_t window = 0;  // As it shall stand there.
  std::uint8_t flags = 0;
  std::uint8_t hop_limit = 64;
  const SynOptions* offered = nullptr;  // With SYN only.
  std::span<const std::byte> payload{};
};

template <typename Ip>
constexpr std::size_t ip_header_bytes();
template <>
constexpr std::size_t ip_header_bytes<Ip4>() {
  return 20;
}
template <>
constexpr std::size_t ip_header_bytes<Ip6>() {
  return 40;
}

// The size of its packet.
template <typename Ip>
std::size_t packet_bytes(const OwnSegment& segment);

// `at` has room for packet_bytes(). The IPv4 header says "do not fragment" (path MTU discovery).
template <typename Ip>
void write_packet(std::byte* at, const FlowKey<Ip>& flow, const OwnSegment& segment);

}  // namespace backends::dpdk::splice_core
