// The generator's own reading and writing of Ethernet frames with TCP inside. It shares no code
// with the engine's parser, checksums or segment writer: an error there must not be repeated here.
// RFC 791, RFC 8200, RFC 9293 3.1, RFC 1071. Pure functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "backends/dpdk/device.h"
#include "tests/bench/c10m/plan.h"

namespace bench::c10m {

enum TcpFlag : std::uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16 };

template <typename Ip>
inline constexpr std::uint32_t kIpBytes = kIsIp4<Ip> ? 20 : 40;
inline constexpr std::uint32_t kMacBytes = 14;
inline constexpr std::uint32_t kTcpBytes = 20;
inline constexpr std::uint32_t kSynOptionBytes = 12;  // MSS, window scale, SACK permitted, padding.

// One TCP segment, without its bytes.
template <typename Ip>
struct Tcp {
  Endpoint<Ip> source;
  Endpoint<Ip> target;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint8_t flags = 0;
  std::uint16_t window = 0xffff;
};

struct Macs {
  backends::dpdk::MacAddress source{};
  backends::dpdk::MacAddress target{};
};

namespace detail {

inline std::uint16_t get16(const std::byte* at) {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof(value));
  return __builtin_bswap16(value);
}
inline std::uint32_t get32(const std::byte* at) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof(value));
  return __builtin_bswap32(value);
}
inline void put16(std::byte* at, std::uint16_t value) {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof(value));
}
inline void put32(std::byte* at, std::uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof(value));
}

// One's complement sum in memory order, not folded: 32 bits at a time into 64.
inline std::uint64_t sum_of(const std::byte* at, std::size_t size) {
  std::uint64_t sum = 0;
  for (; size >= 4; size -= 4, at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof(word));
    sum += word;
  }
  std::uint32_t last = 0;
  std::memcpy(&last, at, size);
  return sum + last;
}
inline std::uint16_t folded(std::uint64_t sum) {
  for (int i = 0; i < 4; ++i) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(sum);
}

// The TCP segment with its pseudo header; `size`: of the segment.
template <typename Ip>
std::uint16_t tcp_sum(const std::byte* ip, std::size_t size) {
  constexpr std::size_t kAddresses = 2 * sizeof(Ip);
  const std::uint64_t sum = sum_of(ip + kIpBytes<Ip> - kAddresses, kAddresses + size);
  return folded(sum + __builtin_bswap16(6) + __builtin_bswap16(static_cast<std::uint16_t>(size)));
}

template <typename Ip>
void write_ip(std::byte* ip, const Tcp<Ip>& tcp, std::size_t segment_bytes) {
  if constexpr (kIsIp4<Ip>) {
    put32(ip, 0x45000000U | static_cast<std::uint32_t>(kIpBytes<Ip> + segment_bytes));
    put32(ip + 4, 0x00004000U);  // Do not fragment.
    put32(ip + 8, 0x40060000U);  // 64 hops, TCP, the checksum still zero.
    std::memcpy(ip + 12, &tcp.source.ip, sizeof(Ip));
    std::memcpy(ip + 16, &tcp.target.ip, sizeof(Ip));
    const auto sum = static_cast<std::uint16_t>(~folded(sum_of(ip, kIpBytes<Ip>)));
    std::memcpy(ip + 10, &sum, sizeof(sum));
  } else {
    put32(ip, 0x60000000U);
    put32(ip + 4, (static_cast<std::uint32_t>(segment_bytes) << 16U) | 0x0640U);
    std::memcpy(ip + 8, &tcp.source.ip, sizeof(Ip));
    std::memcpy(ip + 24, &tcp.target.ip, sizeof(Ip));
  }
}

}  // namespace detail

// Where the payload of a segment without options stands in its frame.
template <typename Ip>
std::span<std::byte> payload_place(std::byte* frame, std::size_t size) {
  return {frame + kMacBytes + kIpBytes<Ip> + kTcpBytes, size};
}

// Writes everything around a payload that is in its place already; a SYN has options instead of
// one. Returns the size of the frame, padded to what Ethernet wants.
template <typename Ip>
std::uint32_t write_frame(std::byte* frame, const Macs& macs, const Tcp<Ip>& tcp,
                          std::size_t payload_bytes) {
  constexpr std::uint32_t kFrameMin = 60;
  std::memcpy(frame, macs.target.data(), macs.target.size());
  std::memcpy(frame + 6, macs.source.data(), macs.source.size());
  detail::put16(frame + 12, kIsIp4<Ip> ? 0x0800 : 0x86dd);
  std::byte* const ip = frame + kMacBytes;
  std::byte* const at = ip + kIpBytes<Ip>;
  const bool syn = (tcp.flags & kSyn) != 0;
  const std::uint32_t header = kTcpBytes + (syn ? kSynOptionBytes : 0);
  const std::size_t segment = header + payload_bytes;
  detail::write_ip(ip, tcp, segment);
  detail::put16(at, tcp.source.port);
  detail::put16(at + 2, tcp.target.port);
  detail::put32(at + 4, tcp.seq);
  detail::put32(at + 8, tcp.ack);
  detail::put16(at + 12, static_cast<std::uint16_t>((header / 4) << 12U | tcp.flags));
  detail::put16(at + 14, tcp.window);
  detail::put32(at + 16, 0);
  if (syn) {
    detail::put32(at + 20, 0x02040000U | (kIsIp4<Ip> ? 1460U : 1440U));
    detail::put32(at + 24, 0x01030307U);  // Window scale 7.
    detail::put32(at + 28, 0x04020101U);
  }
  const auto sum = static_cast<std::uint16_t>(~detail::tcp_sum<Ip>(ip, segment));
  std::memcpy(at + 16, &sum, sizeof(sum));
  auto size = static_cast<std::uint32_t>(kMacBytes + kIpBytes<Ip> + segment);
  if (size < kFrameMin) std::memset(frame + size, 0, kFrameMin - size);
  return size < kFrameMin ? kFrameMin : size;
}

// A segment as it arrived.
template <typename Ip>
struct Arrived {
  Tcp<Ip> tcp;
  std::span<const std::byte> payload;
};

// False: not TCP of this family, or lengths that cannot be.
template <typename Ip>
bool read_frame(std::span<const std::byte> frame, Arrived<Ip>& out) {
  if (frame.size() < kMacBytes + kIpBytes<Ip> + kTcpBytes) return false;
  if (detail::get16(frame.data() + 12) != (kIsIp4<Ip> ? 0x0800 : 0x86dd)) return false;
  const std::byte* const ip = frame.data() + kMacBytes;
  if (ip[kIsIp4<Ip> ? 9 : 6] != std::byte{6}) return false;
  if (kIsIp4<Ip> && ip[0] != std::byte{0x45}) return false;
  const std::size_t total = kIsIp4<Ip> ? detail::get16(ip + 2) : 40U + detail::get16(ip + 4);
  const std::byte* const at = ip + kIpBytes<Ip>;
  const std::size_t header = std::to_integer<std::size_t>(at[12] >> 4U) * 4;
  if (total + kMacBytes > frame.size() || header < kTcpBytes || total < kIpBytes<Ip> + header) {
    return false;
  }
  constexpr std::size_t kSourceAt = kIsIp4<Ip> ? 12 : 8;
  std::memcpy(static_cast<void*>(&out.tcp.source.ip), ip + kSourceAt, sizeof(Ip));
  std::memcpy(static_cast<void*>(&out.tcp.target.ip), ip + kSourceAt + sizeof(Ip), sizeof(Ip));
  out.tcp.source.port = detail::get16(at);
  out.tcp.target.port = detail::get16(at + 2);
  out.tcp.seq = detail::get32(at + 4);
  out.tcp.ack = detail::get32(at + 8);
  out.tcp.flags = std::to_integer<std::uint8_t>(at[13]);
  out.tcp.window = detail::get16(at + 14);
  out.payload = {at + header, total - kIpBytes<Ip> - header};
  return true;
}

// Of a frame that read_frame() has taken: of IP, where it has one, and of TCP.
template <typename Ip>
bool checksums_good(const std::byte* frame) {
  const std::byte* const ip = frame + kMacBytes;
  if constexpr (kIsIp4<Ip>) {
    if (detail::folded(detail::sum_of(ip, kIpBytes<Ip>)) != 0xffff) return false;
    return detail::tcp_sum<Ip>(ip, detail::get16(ip + 2) - kIpBytes<Ip>) == 0xffff;
  } else {
    return detail::tcp_sum<Ip>(ip, detail::get16(ip + 4)) == 0xffff;
  }
}

}  // namespace bench::c10m
