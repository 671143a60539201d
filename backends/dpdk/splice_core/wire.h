// Numbers as they stand on the wire: big-endian, at any alignment. Nothing here checks a length;
// parse.h does, once, before anybody loads.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace backends::dpdk::splice_core {

static_assert(std::endian::native == std::endian::little, "byte order conversions below");

constexpr std::uint16_t swap_bytes(std::uint16_t value) { return __builtin_bswap16(value); }
constexpr std::uint32_t swap_bytes(std::uint32_t value) { return __builtin_bswap32(value); }

// As it lies in memory: for copies and one's complement sums, where the order does not matter.
template <std::unsigned_integral T>
T load_raw(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
template <std::unsigned_integral T>
void store_raw(std::byte* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

// As a number.
inline std::uint16_t load16(const std::byte* at) { return swap_bytes(load_raw<std::uint16_t>(at)); }
inline std::uint32_t load32(const std::byte* at) { return swap_bytes(load_raw<std::uint32_t>(at)); }
inline void store16(std::byte* at, std::uint16_t value) { store_raw(at, swap_bytes(value)); }
inline void store32(std::byte* at, std::uint32_t value) { store_raw(at, swap_bytes(value)); }

}  // namespace backends::dpdk::splice_core
