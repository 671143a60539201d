// Packets as bytes, built by hand, for the tests of what reads and sums them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "backends/dpdk/splice_core/parse.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk::splice_core {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::initializer_list<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

inline void append(Bytes& to, std::span<const std::byte> more) {
  to.insert(to.end(), more.begin(), more.end());
}

// 10.1.2.3:4660 to 192.0.2.9:443 (and the same ports between two IPv6 addresses).
inline Bytes ip4_header(std::uint8_t protocol, std::size_t behind) {
  Bytes header = bytes_of({0x45, 0, 0,  0, 0x12, 0x34, 0x40, 0, 64, protocol,  //
                           0,    0, 10, 1, 2,    3,    192,  0, 2,  9});
  store16(header.data() + 2, static_cast<std::uint16_t>(header.size() + behind));
  return header;
}

inline Bytes ip6_header(std::uint8_t next, std::size_t behind) {
  Bytes header = bytes_of({0x60, 0, 0,   0,    0, 0, next, 64,                            //
                           0x20, 1, 0xd, 0xb8, 0, 1, 0,    2,  0, 3, 0, 4,  0, 5,  0, 6,  //
                           0x20, 1, 0xd, 0xb8, 0, 7, 0,    8,  0, 9, 0, 10, 0, 11, 0, 12});
  store16(header.data() + 4, static_cast<std::uint16_t>(behind));
  return header;
}

// Sequence 0x01020304, acknowledgement 0xf5f6f7f8, window 0xabcd, PSH and ACK; no checksum yet.
inline Bytes tcp_segment(const Bytes& options, std::string_view payload) {
  Bytes tcp = bytes_of({0x12, 0x34, 0x01, 0xbb, 1, 2, 3, 4, 0xf5, 0xf6, 0xf7, 0xf8,  //
                        0,    0x18, 0xab, 0xcd, 0, 0, 0, 0});
  tcp[12] = static_cast<std::byte>((tcp.size() + options.size()) / 4 << 4U);
  append(tcp, options);
  append(tcp, std::as_bytes(std::span(payload)));
  return tcp;
}

inline Bytes tcp4(const Bytes& options = {}, std::string_view payload = {}) {
  const Bytes tcp = tcp_segment(options, payload);
  Bytes packet = ip4_header(6, tcp.size());
  append(packet, tcp);
  return packet;
}

inline Bytes tcp6(const Bytes& options = {}, std::string_view payload = {}) {
  const Bytes tcp = tcp_segment(options, payload);
  Bytes packet = ip6_header(6, tcp.size());
  append(packet, tcp);
  return packet;
}

// An ICMP or ICMPv6 message with eight bytes of header and `behind` more.
inline Bytes icmp4(unsigned type, std::size_t behind = 28) {
  Bytes packet = ip4_header(1, 8 + behind);
  append(packet, bytes_of({type, 4, 0, 0, 0, 0, 5, 0xdc}));
  packet.resize(packet.size() + behind, std::byte{0x5a});
  return packet;
}

inline Bytes icmp6(unsigned type, std::size_t behind = 48) {
  Bytes packet = ip6_header(58, 8 + behind);
  append(packet, bytes_of({type, 0, 0, 0, 0, 0, 5, 0xdc}));
  packet.resize(packet.size() + behind, std::byte{0x5a});
  return packet;
}

}  // namespace backends::dpdk::splice_core
