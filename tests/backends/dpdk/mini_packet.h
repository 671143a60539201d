// IP packets with TCP segments, built and read for the tests' own TCP (mini_tcp.h). Nothing here
// shares code with the splice core beyond loads and stores: what it sends must be judged by
// somebody who does not make the same mistakes. Checksums are summed byte by byte, from RFC 1071's
// text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace dpdk_test {

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;

struct SackBlock {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  friend bool operator==(const SackBlock&, const SackBlock&) = default;
};

// RFC 2018: so many fit into the 40 bytes of options.
inline constexpr std::size_t kSackBlocksMax = 4;

struct TcpSegment {
  base::IpPort source;
  base::IpPort destination;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint16_t window = 0;  // As on the wire: not scaled.
  std::uint8_t flags = 0;
  std::optional<std::uint16_t> mss;
  std::optional<std::uint8_t> window_scale;
  bool sack_permitted = false;
  std::vector<SackBlock> sack_blocks;  // At most kSackBlocksMax.
  std::span<const std::byte> payload;  // The caller's bytes, or inside the packet that was read.

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // The sequence numbers it takes: SYN and FIN count one each.
  std::uint32_t length() const;
  std::uint32_t end() const { return seq + length(); }
};

// The IP packet, with both checksums (IPv6 has one). `id` is IPv4's identification; SACK blocks
// begin at an odd place when it is odd.
std::vector<std::byte> build_packet(const TcpSegment& segment, std::uint16_t id);

enum class PacketFault : std::uint8_t { kMalformed, kNotTcp, kBadIpChecksum, kBadTcpChecksum };

// Bytes behind the length that the IP header claims are padding. Unknown options are read over;
// options that contradict the header's length are kMalformed.
tl::expected<TcpSegment, PacketFault> read_packet(std::span<const std::byte> packet);

// Makes the checksums of a packet right again after a test has changed its bytes.
void mend_checksums(std::span<std::byte> packet);

}  // namespace dpdk_test
