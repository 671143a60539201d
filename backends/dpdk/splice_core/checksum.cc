#include "backends/dpdk/splice_core/checksum.h"

namespace backends::dpdk::splice_core {
namespace {

constexpr std::uint32_t kIp4ChecksumAt = 10;
constexpr std::uint32_t kTcpChecksumAt = 16;
constexpr std::uint32_t kIcmpChecksumAt = 2;
constexpr std::uint16_t kProtocolIcmp6 = 58;
constexpr std::uint16_t kGood = 0xffff;  // What bytes sum to with their right checksum in place.

// A sum of 64-bit words and how often it ran over. 2^64 is 1 to a one's complement sum, so the two
// add up in the end. The compiler makes add and adc of it; of a 128-bit sum it makes half the
// speed.
class CarrySum {
 public:
  void add(std::uint64_t word) {
    low_ += word;
    carries_ += low_ < word ? 1U : 0U;
  }
  // Room to add several of these.
  std::uint64_t folded() const { return (low_ & 0xffffffffU) + (low_ >> 32U) + carries_; }

 private:
  std::uint64_t low_ = 0;
  std::uint64_t carries_ = 0;
};

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

// Two sums, so that their chains of additions run side by side.
std::uint16_t raw_sum(std::span<const std::byte> bytes) {
  constexpr std::size_t kStride = 32;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  CarrySum even;
  CarrySum odd;
  for (; left >= kStride; left -= kStride, at += kStride) {
    even.add(load_raw<std::uint64_t>(at));
    odd.add(load_raw<std::uint64_t>(at + 8));
    even.add(load_raw<std::uint64_t>(at + 16));
    odd.add(load_raw<std::uint64_t>(at + 24));
  }
  for (; left >= 8; left -= 8, at += 8) even.add(load_raw<std::uint64_t>(at));
  std::uint64_t sum = even.folded() + odd.folded();
  if ((left & 4U) != 0) {
    sum += load_raw<std::uint32_t>(at);
    at += 4;
  }
  if ((left & 2U) != 0) {
    sum += load_raw<std::uint16_t>(at);
    at += 2;
  }
  // A last odd byte stands as if a zero followed (RFC 1071, 4.1).
  if ((left & 1U) != 0) sum += std::to_integer<std::uint8_t>(*at);
  return detail::fold16(sum);
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
