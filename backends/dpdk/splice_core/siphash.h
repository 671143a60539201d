// SipHash-2-4 (Aumasson and Bernstein, 2012; the reference's test vectors are in the test): a keyed
// hash that stays unpredictable to whoever sees its results. Own code because Debian's libraries
// have none with a C or C++ interface that takes a few words without a call into a buffer.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace backends::dpdk::splice_core {

using SipKey = std::array<std::uint64_t, 2>;

namespace detail {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32) + v3;
    v2 += v1;
    v3 = std::rotl(v3, 21) ^ v0;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace detail

// The words in memory order (little-endian), as if they were one message of 8 * size() bytes.
// Inline, and so without a copy of the words for those who have them in registers.
inline std::uint64_t siphash24(const SipKey& key, std::span<const std::uint64_t> words) {
  // "somepseudorandomlygeneratedbytes", as the paper wants it.
  detail::SipState state{key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
                         key[0] ^ 0x6c7967656e657261U, key[1] ^ 0x7465646279746573U};
  for (const std::uint64_t word : words) state.absorb(word);
  // The last block of a message of whole words is empty but for the length, modulo 256, on top.
  state.absorb(std::uint64_t{words.size() * sizeof(std::uint64_t)} << 56U);
  state.v2 ^= 0xffU;
  for (int round = 0; round < 4; ++round) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace backends::dpdk::splice_core
