// The rewriting of one segment from one leg of a pair to the other: addresses, ports, sequence and
// acknowledgement numbers, SACK edges, window, hop limit, ECN, and both checksums by difference.
// facts/dpdk.md, 2. Nothing is decided here.
#pragma once

#include <cstdint>

#include "backends/dpdk/splice_core/pair.h"
#include "backends/dpdk/splice_core/parse.h"

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
