// From the bytes of a packet to the numbers of its headers. Everything behind these functions may
// trust the lengths they found; nothing in front of them may.
// RFC 791, RFC 8200, RFC 9293 3.1, RFC 792, RFC 4443.
#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "backends/dpdk/splice_core/drop_reason.h"
#include "backends/dpdk/splice_core/flow_key.h"
#include "base/result.h"

namespace backends::dpdk::splice_core {

// TCP flags, as they stand in the header's 14th byte.
inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;
inline constexpr std::uint8_t kUrg = 0x20;
inline constexpr std::uint8_t kEce = 0x40;
inline constexpr std::uint8_t kCwr = 0x80;

inline constexpr std::uint32_t kIp4HeaderBytes = 20;
inline constexpr std::uint32_t kIp6HeaderBytes = 40;
inline constexpr std::uint32_t kTcpHeaderBytes = 20;

enum class PacketKind : std::uint8_t { kTcp4, kTcp6, kIcmp4, kIcmp6 };

// What the first look at a packet finds. `size` is the length the IP header claims: an Ethernet
// frame may have padding behind it.
struct Envelope {
  PacketKind kind = PacketKind::kTcp4;
  std::uint32_t l4 = 0;    // Where the TCP or ICMP header begins, from the first byte.
  std::uint32_t size = 0;  // IP header and all that belongs to it.
};

// Addresses are not looked at. Errors: kShort, kBadHeader, kIpOptions, kFragment, kNotTcp. A TCP
// packet has its whole header, options included, within `size`.
tl::expected<Envelope, DropReason> parse_envelope(std::span<const std::byte> packet);

// The numbers of a TCP header that parse_envelope() has found.
struct Segment {
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint16_t window = 0;  // As it stands there: not scaled.
  std::uint8_t flags = 0;
  std::uint8_t header_bytes = 0;  // TCP header with its options.
  std::uint32_t payload_bytes = 0;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  // The sequence numbers it takes: SYN and FIN count one each.
  std::uint32_t length() const {
    return payload_bytes + (has(kSyn) ? 1U : 0U) + (has(kFin) ? 1U : 0U);
  }
  // The first number after it.
  std::uint32_t end() const { return seq + length(); }
};

Segment parse_segment(const std::byte* packet, const Envelope& envelope);

FlowKey<Ip4> flow_key4(const std::byte* packet, const Envelope& envelope);
FlowKey<Ip6> flow_key6(const std::byte* packet, const Envelope& envelope);

}  // namespace backends::dpdk::splice_core
