// From the bytes of a packet to the numbers of its headers. Everything behind these functions may
// trust the lengths they found; nothing in front of them may.
// RFC 791, RFC 8200, RFC 9293 3.1, RFC 792, RFC 4443.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <tl/expected.hpp>

#include "backends/dpdk/splice_core/drop_reason.h"
#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/wire.h"

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

namespace detail {

inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint32_t kIp4Protocol = 9;           // Where it stands.
inline constexpr std::uint16_t kIp4FragmentMask = 0x3fff;  // More fragments, or an offset.
inline constexpr std::byte kIp4Plain{0x45};                // Version 4, a header of five words.

inline tl::expected<Envelope, DropReason> dropped(DropReason why) {
  return tl::make_unexpected(why);
}

inline bool is_ip4_fragment(const std::byte* packet) {
  return (load16(packet + 6) & kIp4FragmentMask) != 0;
}

// The lengths of a TCP packet whose IP header has been found good. `arrived`: all bytes there are.
inline tl::expected<Envelope, DropReason> bound_tcp(const std::byte* packet, std::size_t arrived,
                                                    const Envelope& envelope) {
  if (envelope.size < envelope.l4) return dropped(DropReason::kBadHeader);
  if (envelope.size > arrived || envelope.size < envelope.l4 + kTcpHeaderBytes) {
    return dropped(DropReason::kShort);
  }
  const std::uint32_t header = std::to_integer<std::uint32_t>(packet[envelope.l4 + 12] >> 4U) * 4;
  if (header < kTcpHeaderBytes) return dropped(DropReason::kBadHeader);
  if (envelope.l4 + header > envelope.size) return dropped(DropReason::kShort);
  return envelope;
}

// parse_envelope() for everything but TCP in IPv4 without options.
tl::expected<Envelope, DropReason> parse_other(std::span<const std::byte> packet);

}  // namespace detail

// Addresses are not looked at. Errors: kShort, kBadHeader, kIpOptions, kFragment, kNotTcp. A TCP
// packet has its whole header, options included, within `size`; an ICMP packet is one of the error
// types (any other is kNotTcp) and has its eight bytes of header within `size`.
inline tl::expected<Envelope, DropReason> parse_envelope(std::span<const std::byte> packet) {
  const std::byte* bytes = packet.data();
  if (packet.size() < kIp4HeaderBytes || bytes[0] != detail::kIp4Plain ||
      std::to_integer<std::uint8_t>(bytes[detail::kIp4Protocol]) != detail::kProtocolTcp) {
    return detail::parse_other(packet);
  }
  if (detail::is_ip4_fragment(bytes)) return detail::dropped(DropReason::kFragment);
  return detail::bound_tcp(
      bytes, packet.size(),
      {.kind = PacketKind::kTcp4, .l4 = kIp4HeaderBytes, .size = load16(bytes + 2)});
}

// The usual packet: TCP in IPv4 without options, whole. True when it is one, and then what
// parse_envelope() finds is in `envelope`; false says nothing. No Result is made and copied.
inline bool parse_usual(const std::byte* bytes, std::uint32_t size, Envelope& envelope) {
  if (size < kIp4HeaderBytes + kTcpHeaderBytes || bytes[0] != detail::kIp4Plain ||
      std::to_integer<std::uint8_t>(bytes[detail::kIp4Protocol]) != detail::kProtocolTcp ||
      detail::is_ip4_fragment(bytes)) {
    return false;
  }
  const std::uint32_t claimed = load16(bytes + 2);
  const std::uint32_t header =
      std::to_integer<std::uint32_t>(bytes[kIp4HeaderBytes + 12] >> 4U) * 4;
  if (claimed > size || header < kTcpHeaderBytes || kIp4HeaderBytes + header > claimed) {
    return false;
  }
  envelope.kind = PacketKind::kTcp4;
  envelope.l4 = kIp4HeaderBytes;
  envelope.size = claimed;
  return true;
}

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

inline Segment parse_segment(const std::byte* packet, const Envelope& envelope) {
  const std::byte* tcp = packet + envelope.l4;
  const auto header = static_cast<std::uint8_t>(std::to_integer<std::uint32_t>(tcp[12] >> 4U) * 4);
  return {.seq = load32(tcp + 4),
          .ack = load32(tcp + 8),
          .window = load16(tcp + 14),
          .flags = std::to_integer<std::uint8_t>(tcp[13]),
          .header_bytes = header,
          .payload_bytes = envelope.size - envelope.l4 - header};
}

// Of a TCP packet.
inline FlowKey<Ip4> flow_key4(const std::byte* packet, const Envelope& envelope) {
  return {.remote = {load_raw<std::uint32_t>(packet + 12)},
          .local = {load_raw<std::uint32_t>(packet + 16)},
          .remote_port = load_raw<std::uint16_t>(packet + envelope.l4),
          .local_port = load_raw<std::uint16_t>(packet + envelope.l4 + 2)};
}

inline FlowKey<Ip6> flow_key6(const std::byte* packet, const Envelope& envelope) {
  return {.remote = {{load_raw<std::uint64_t>(packet + 8), load_raw<std::uint64_t>(packet + 16)}},
          .local = {{load_raw<std::uint64_t>(packet + 24), load_raw<std::uint64_t>(packet + 32)}},
          .remote_port = load_raw<std::uint16_t>(packet + envelope.l4),
          .local_port = load_raw<std::uint16_t>(packet + envelope.l4 + 2)};
}

}  // namespace backends::dpdk::splice_core
