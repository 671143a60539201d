// A small seeded generator (xoshiro256**, Blackman and Vigna 2018). The same seed gives the same
// numbers on every machine, which std::uniform_int_distribution does not promise.
// Not for secrets.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/assert.h"

namespace base {

// One step of splitmix64: spreads a seed, or hashes one word.
constexpr std::uint64_t splitmix64(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

class Prng {
 public:
  explicit constexpr Prng(std::uint64_t seed) {
    for (auto& word : state_) word = seed = splitmix64(seed);
  }

  constexpr std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound). The multiply-shift bias is below bound / 2^64. bound > 0.
  constexpr std::uint64_t below(std::uint64_t bound) {
    CHECK(bound > 0);
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * bound) >> 64U);
  }

  // Uniform in [low, high]. low <= high.
  constexpr std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }

  // True with the given probability in thousandths.
  constexpr bool chance(std::uint64_t per_thousand) { return below(1000) < per_thousand; }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace base
