// The rewriting of one segment from one leg of a pair to the other: addresses, ports, sequence and
// acknowledgement numbers, SACK edges, window, hop limit, ECN, and both checksums by difference.
// facts/dpdk.md, 2. Nothing is decided here.
#pragma once

#include <cstdint>

#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/pair.h"
#include "backends/dpdk/splice_core/parse.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk::splice_core {

struct Rewrite {
  std::uint32_t seq = 0;  // The new numbers.
  std::uint32_t ack = 0;
  std::uint32_t sack_shift = 0;  // Added to the edges of SACK blocks,
  bool blank_sack = false;       // or they are turned into NOPs.
  std::uint16_t window = 0;
  std::uint8_t hop_limit = 64;
};

// Counts of what it met.
struct RewriteFound {
  std::size_t sack_blocks = 0;
};

// `towards`: the flow of the leg it goes to (its remote becomes the destination). segment is what
// parse_segment() found in the packet.
template <typename Ip>
RewriteFound rewrite(std::byte* packet, const Envelope& envelope, const Segment& segment,
                     const FlowKey<Ip>& towards, const Rewrite& change);

// The same for a segment without options, whose new numbers are all known: inline, for the hot
// path.
template <typename Ip>
struct PlainRewrite {
  const Ip& source;
  const Ip& target;
  std::uint32_t ports = 0;  // Both, as they lie in memory.
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint16_t window = 0;
  std::uint8_t hop_limit = 64;
};

namespace detail {

// Writes a word and notes the difference.
inline void put32(std::byte* at, std::uint32_t raw, ChecksumDelta& delta) {
  delta.replace32(load_raw<std::uint32_t>(at), raw);
  store_raw(at, raw);
}

inline void put_ip(std::byte* packet, const PlainRewrite<Ip4>& change, ChecksumDelta& tcp) {
  put32(packet + 12, change.source.word, tcp);
  put32(packet + 16, change.target.word, tcp);
  ChecksumDelta ip = tcp;
  // Traffic class without ECN (RFC 3168), and the hop limit.
  constexpr std::uint16_t kWithoutEcn = 0xfcff;
  const auto old_class = load_raw<std::uint16_t>(packet);
  const auto new_class = static_cast<std::uint16_t>(old_class & kWithoutEcn);
  const auto old_limit = load_raw<std::uint16_t>(packet + 8);
  const auto new_limit = static_cast<std::uint16_t>((old_limit & 0xff00U) | change.hop_limit);
  ip.replace16(old_class, new_class);
  ip.replace16(old_limit, new_limit);
  store_raw(packet, new_class);
  store_raw(packet + 8, new_limit);
  store_raw(packet + 10, ip.apply(load_raw<std::uint16_t>(packet + 10)));
}

inline void put_ip(std::byte* packet, const PlainRewrite<Ip6>& change, ChecksumDelta& tcp) {
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint64_t source = change.source.words[i];
    const std::uint64_t target = change.target.words[i];
    put32(packet + 8 + i * 8, static_cast<std::uint32_t>(source), tcp);
    put32(packet + 12 + i * 8, static_cast<std::uint32_t>(source >> 32U), tcp);
    put32(packet + 24 + i * 8, static_cast<std::uint32_t>(target), tcp);
    put32(packet + 28 + i * 8, static_cast<std::uint32_t>(target >> 32U), tcp);
  }
  constexpr std::byte kWithoutEcn{0xcf};
  packet[1] &= kWithoutEcn;
  packet[7] = std::byte{change.hop_limit};
}

}  // namespace detail

template <typename Ip>
inline void rewrite_plain(std::byte* packet, std::uint32_t l4, const PlainRewrite<Ip>& change) {
  ChecksumDelta delta;
  detail::put_ip(packet, change, delta);
  std::byte* const tcp = packet + l4;
  detail::put32(tcp, change.ports, delta);
  detail::put32(tcp + 4, swap_bytes(change.seq), delta);
  detail::put32(tcp + 8, swap_bytes(change.ack), delta);
  const auto old_window = load_raw<std::uint16_t>(tcp + 14);
  const std::uint16_t new_window = swap_bytes(change.window);
  delta.replace16(old_window, new_window);
  store_raw(tcp + 14, new_window);
  store_raw(tcp + 16, delta.apply(load_raw<std::uint16_t>(tcp + 16)));
}

// A window of a side that announced scale `theirs`, as we have to write it for one to whom we
// announced `ours`; kNoWindowScale counts as no shift.
constexpr std::uint16_t rescale_window(std::uint16_t window, std::uint8_t theirs,
                                       std::uint8_t ours) {
  const unsigned up = theirs == 15 ? 0 : theirs;
  const unsigned down = ours == 15 ? 0 : ours;
  const std::uint32_t scaled = (std::uint32_t{window} << up) >> down;
  return static_cast<std::uint16_t>(scaled > 0xffff ? 0xffff : scaled);
}

}  // namespace backends::dpdk::splice_core
