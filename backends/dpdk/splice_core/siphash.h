// SipHash-2-4 (Aumasson and Bernstein, 2012; the reference's test vectors are in the test): a keyed
// hash that stays unpredictable to whoever sees its results. Own code because Debian's libraries
// have none with a C or C++ interface that takes a few words without a call into a buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace backends::dpdk::splice_core {

using SipKey = std::array<std::uint64_t, 2>;

// The words in memory order (little-endian), as if they were one message of 8 * size() bytes.
std::uint64_t siphash24(const SipKey& key, std::span<const std::uint64_t> words);

}  // namespace backends::dpdk::splice_core
