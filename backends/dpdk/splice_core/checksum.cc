#include "backends/dpdk/splice_core/checksum.h"

namespace backends::dpdk::splice_core {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint32_t kIp4ChecksumAt = 10;
constexpr std::uint32_t kTcpChecksumAt = 16;
constexpr std::uint32_t kIcmpChecksumAt = 2;
constexpr std::uint16_t kProtocolIcmp6 = 58;
constexpr std::uint16_t kGood = 0xffff;  // What bytes sum to with their right checksum in place.

std::uint32_t address_bytes(PacketKind kind) {
  return kind == PacketKind::kTcp4 || kind == PacketKind::kIcmp4 ? 8 : 32;
}

// With the pseudo header: its addresses lie directly in front of the segment, as no packet with IP
// options gets here, so that one sum takes both. Protocol and length fill 16 bits each.
std::uint16_t sum_with_pseudo(const std::byte* packet, const Envelope& envelope,
                              std::uint16_t protocol) {
  const std::uint32_t begin = envelope.l4 - address_bytes(envelope.kind);
  const auto length = static_cast<std::uint16_t>(envelope.size - envelope.l4);
  std::uint64_t sum = raw_sum({packet + begin, envelope.size - begin});
  sum += swap_bytes(protocol);
  sum += swap_bytes(length);
  return detail::fold16(sum);
}

std::uint16_t tcp_sum(const std::byte* packet, const Envelope& envelope) {
  return sum_with_pseudo(packet, envelope, detail::kProtocolTcp);
}

std::uint16_t icmp_sum(const std::byte* packet, const Envelope& envelope) {
  if (envelope.kind == PacketKind::kIcmp6) {
    return sum_with_pseudo(packet, envelope, kProtocolIcmp6);
  }
  return raw_sum({packet + envelope.l4, envelope.size - envelope.l4});
}

// `sum` was taken with the field at zero.
void store_inverted(std::byte* field, std::uint16_t sum) {
  store_raw(field, static_cast<std::uint16_t>(~sum));
}

}  // namespace

// 64-bit words into two 128-bit sums: the carries collect in the upper halves, and the two chains
// of additions run side by side. 2^64 is 1 to a one's complement sum, so the halves add up.
std::uint16_t raw_sum(std::span<const std::byte> bytes) {
  constexpr std::size_t kStride = 32;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  Wide sum = 0;
  Wide other = 0;
  for (; left >= kStride; left -= kStride, at += kStride) {
    sum += load_raw<std::uint64_t>(at);
    other += load_raw<std::uint64_t>(at + 8);
    sum += load_raw<std::uint64_t>(at + 16);
    other += load_raw<std::uint64_t>(at + 24);
  }
  for (; left >= 8; left -= 8, at += 8) sum += load_raw<std::uint64_t>(at);
  if ((left & 4U) != 0) {
    other += load_raw<std::uint32_t>(at);
    at += 4;
  }
  if ((left & 2U) != 0) {
    other += load_raw<std::uint16_t>(at);
    at += 2;
  }
  // A last odd byte stands as if a zero followed (RFC 1071, 4.1).
  if ((left & 1U) != 0) other += std::to_integer<std::uint8_t>(*at);
  sum += other;
  const auto low = static_cast<std::uint64_t>(sum);
  return detail::fold16((low & 0xffffffffU) + (low >> 32U) +
                        static_cast<std::uint64_t>(sum >> 64U));
}

void write_ip4_checksum(std::byte* packet) {
  store_raw<std::uint16_t>(packet + kIp4ChecksumAt, 0);
  store_inverted(packet + kIp4ChecksumAt, raw_sum({packet, kIp4HeaderBytes}));
}

bool ip4_checksum_good(const std::byte* packet) {
  return raw_sum({packet, kIp4HeaderBytes}) == kGood;
}

void write_tcp_checksum(std::byte* packet, const Envelope& envelope) {
  std::byte* field = packet + envelope.l4 + kTcpChecksumAt;
  store_raw<std::uint16_t>(field, 0);
  store_inverted(field, tcp_sum(packet, envelope));
}

bool tcp_checksum_good(const std::byte* packet, const Envelope& envelope) {
  return tcp_sum(packet, envelope) == kGood;
}

void write_icmp_checksum(std::byte* packet, const Envelope& envelope) {
  std::byte* field = packet + envelope.l4 + kIcmpChecksumAt;
  store_raw<std::uint16_t>(field, 0);
  store_inverted(field, icmp_sum(packet, envelope));
}

bool icmp_checksum_good(const std::byte* packet, const Envelope& envelope) {
  return icmp_sum(packet, envelope) == kGood;
}

}  // namespace backends::dpdk::splice_core
