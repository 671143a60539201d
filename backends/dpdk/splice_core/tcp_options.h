// TCP options: what a SYN offers, what ours answer, and the SACK blocks of later segments.
// RFC 9293 3.2, RFC 7323 (window scale), RFC 2018 (SACK). Timestamps, Fast Open, MPTCP, MD5 and AO
// are read over and never offered: facts/dpdk.md, 2.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "backends/dpdk/splice_core/checksum.h"
#include "base/result.h"

namespace backends::dpdk::splice_core {

inline constexpr std::uint8_t kNoWindowScale = 15;   // The option was not there: 14 is the largest.
inline constexpr std::uint8_t kWindowScaleMax = 14;  // RFC 7323, 2.3: more is taken as 14.
inline constexpr std::uint16_t kMssDefault4 = 536;   // RFC 9293, 3.7.1: without the option.
inline constexpr std::uint16_t kMssDefault6 = 1220;

// A header of fifteen words less its fixed five: what all `options` below hold at most.
inline constexpr std::size_t kTcpOptionsMax = 40;

// What one side says in its SYN.
struct SynOptions {
  std::uint16_t mss = 0;  // 0: the option was not there (or was 0).
  std::uint8_t window_scale = kNoWindowScale;
  bool sack = false;
  friend bool operator==(const SynOptions&, const SynOptions&) = default;
};

// `options`: the bytes between the fixed header and the payload. Nothing when a length contradicts
// the space: such a SYN is dropped as kBadHeader. A known option with a length that is not its own
// counts as absent, as Linux has it; of two of one kind the last counts.
std::optional<SynOptions> parse_syn_options(std::span<const std::byte> options);

// MSS, then SACK-permitted and window scale where they are there, padded with NOPs to a multiple of
// four. window_scale is at most kWindowScaleMax or kNoWindowScale. Returns the bytes written, at
// most kSynOptionsMax.
inline constexpr std::size_t kSynOptionsMax = 12;
std::size_t write_syn_options(std::byte* at, const SynOptions& offered);

// Moves the edges of all SACK blocks by `shift` (added, wrapping) and notes it in `delta`.
// Returns the number of blocks; options that contradict themselves are left as they are: the
// receiver has to judge them, the checksum is still its sender's.
std::size_t shift_sack(std::span<std::byte> options, std::uint32_t shift, ChecksumDelta& delta);
// Turns SACK blocks into NOPs, for a receiver that did not offer SACK. Returns the blocks.
std::size_t blank_sack(std::span<std::byte> options, ChecksumDelta& delta);

}  // namespace backends::dpdk::splice_core
