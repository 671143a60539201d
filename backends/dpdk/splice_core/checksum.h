// The internet checksum (RFC 1071): whole, and by difference (RFC 1624, equation 3), which keeps an
// error that was there an error: what the endpoints protect stays protected end to end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "backends/dpdk/splice_core/parse.h"

namespace backends::dpdk::splice_core {

namespace detail {
// One's complement sum of the four 16-bit words. Three rounds are enough: the first leaves 33 bits,
// the second at most 0x1fffe.
constexpr std::uint16_t fold16(std::uint64_t sum) {
  sum = (sum & 0xffffffffU) + (sum >> 32U);
  sum = (sum & 0xffffU) + ((sum >> 16U) & 0xffffU) + (sum >> 32U);
  return static_cast<std::uint16_t>((sum & 0xffffU) + (sum >> 16U));
}
}  // namespace detail

// The differences of a header that is being rewritten. Raw words, as load_raw() gives them: the sum
// does not depend on the byte order as long as all of it has the same (RFC 1071, 2 B).
// A field at an odd offset (SACK blocks behind a NOP) goes through replace_odd32().
class ChecksumDelta {
 public:
  void replace16(std::uint16_t old_raw, std::uint16_t new_raw) {
    sum_ += static_cast<std::uint16_t>(~old_raw);
    sum_ += new_raw;
  }
  void replace32(std::uint32_t old_raw, std::uint32_t new_raw) {
    sum_ += static_cast<std::uint32_t>(~old_raw);
    sum_ += new_raw;
  }
  // Of a 32-bit field that begins at an odd offset from the start of the summed bytes.
  // Its bytes stand in the other half of their words, which is what turning it by one byte does.
  void replace_odd32(std::uint32_t old_raw, std::uint32_t new_raw) {
    replace32(std::rotl(old_raw, 8), std::rotl(new_raw, 8));
  }

  // The checksum field (raw) with the differences applied.
  std::uint16_t apply(std::uint16_t checksum_raw) const {
    const auto old_sum = static_cast<std::uint16_t>(~checksum_raw);
    return static_cast<std::uint16_t>(~detail::fold16(sum_ + old_sum));
  }

 private:
  std::uint64_t sum_ = 0;  // Room for 2^32 words.
};

// The sum of bytes that begin at an even offset, folded to 16 bits, raw, not inverted.
std::uint16_t raw_sum(std::span<const std::byte> bytes);

// The IPv4 header's own checksum: fills it in.
void write_ip4_checksum(std::byte* packet);
bool ip4_checksum_good(const std::byte* packet);

// TCP's with its pseudo header (RFC 9293 3.1, RFC 8200 8.1), over packet[0, envelope.size).
void write_tcp_checksum(std::byte* packet, const Envelope& envelope);
bool tcp_checksum_good(const std::byte* packet, const Envelope& envelope);

// ICMP's has no pseudo header, ICMPv6's has one (RFC 4443, 2.3).
void write_icmp_checksum(std::byte* packet, const Envelope& envelope);
bool icmp_checksum_good(const std::byte* packet, const Envelope& envelope);

}  // namespace backends::dpdk::splice_core
