#include "backends/dpdk/splice_core/wire.h"

#include <gtest/gtest.h>

#include <array>

namespace backends::dpdk::splice_core {
namespace {

constexpr std::array<std::byte, 8> kCounting = {std::byte{1}, std::byte{2}, std::byte{3},
                                                std::byte{4}, std::byte{5}, std::byte{6},
                                                std::byte{7}, std::byte{8}};

TEST(Wire, NumbersAreBigEndian) {
  EXPECT_EQ(load16(kCounting.data()), 0x0102);
  EXPECT_EQ(load32(kCounting.data()), 0x01020304U);
}

TEST(Wire, AnyAlignmentWillDo) {
  for (std::size_t at = 0; at < 4; ++at) {
    const auto first = static_cast<std::uint32_t>(at + 1);
    EXPECT_EQ(load16(kCounting.data() + at), first * 0x100 + first + 1);
    EXPECT_EQ(load32(kCounting.data() + at), first * 0x01010101U + 0x00010203U);
  }
}

TEST(Wire, WhatIsStoredIsLoadedAgainAndNothingBesideItChanges) {
  std::array<std::byte, 8> bytes{};
  store32(bytes.data() + 1, 0xfedcba98U);
  store16(bytes.data() + 5, 0x7654);
  constexpr std::array<unsigned, 8> kExpected = {0, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(std::to_integer<unsigned>(bytes[i]), kExpected[i]) << i;
  }
  EXPECT_EQ(load32(bytes.data() + 1), 0xfedcba98U);
  EXPECT_EQ(load16(bytes.data() + 5), 0x7654);
}

TEST(Wire, RawIsAsItLiesInMemory) {
  EXPECT_EQ(load_raw<std::uint32_t>(kCounting.data()), 0x04030201U);
  std::array<std::byte, 8> copy{};
  store_raw(copy.data(), load_raw<std::uint64_t>(kCounting.data()));
  EXPECT_EQ(copy, kCounting);
}

TEST(Wire, SwappingTwiceIsNothing) {
  static_assert(swap_bytes(std::uint16_t{0x1234}) == 0x3412);
  static_assert(swap_bytes(std::uint32_t{0x12345678}) == 0x78563412);
  static_assert(swap_bytes(swap_bytes(std::uint32_t{0x12345678})) == 0x12345678);
}

}  // namespace
}  // namespace backends::dpdk::splice_core
