// The internet checksum (RFC 1071): whole, and by difference (RFC 1624, equation 3), which keeps an
// error that was there an error: what the endpoints protect stays protected end to end.
#pragma once

#include <cstdint>
#include <span>

#include "backends/dpdk/splice_core/parse.h"

namespace backends::dpdk::splice_core {

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
  void replace_odd32(std::uint32_t old_raw, std::uint32_t new_raw);

  // The checksum field (raw) with the differences applied.
  std::uint16_t apply(std::uint16_t checksum_raw) const;

 private:
  std::uint64_t sum_ = 0;  // Room for 2^32 words.
};

// The sum of a packet's bytes, folded to 16 bits, raw, not inverted.
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
