#include "tests/backends/dpdk/mini_reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "base/prng.h"

namespace dpdk_test {
namespace {

std::vector<std::byte> counting(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  return bytes;
}

TEST(MiniReassembly, OverlappingPiecesInAnyOrderGiveTheBytesOnceAcrossTheWrap) {
  base::Prng prng(1);
  const auto bytes = counting(5000);
  for (int round = 0; round < 50; ++round) {
    Reassembly early;
    backends::ByteQueue out;
    const std::uint32_t start = 0xfffffff0U - static_cast<std::uint32_t>(prng.below(4000));
    std::uint32_t next = start;
    while (next != start + 5000U) {
      const std::size_t from = prng.below(5000);
      const std::size_t size = prng.between(1, std::min<std::size_t>(5000 - from, 700));
      early.insert(start + static_cast<std::uint32_t>(from), std::span(bytes).subspan(from, size));
      next = early.drain(next, out);
      ASSERT_EQ(out.size(), next - start);
    }
    ASSERT_TRUE(std::ranges::equal(out.front(5000), bytes));
    EXPECT_TRUE(early.empty());
  }
}

TEST(MiniReassembly, BlocksAreMergedAndTheLatestComesFirst) {
  Reassembly early;
  const auto bytes = counting(10);
  early.insert(100, bytes);
  early.insert(110, bytes);
  early.insert(200, bytes);
  early.insert(150, bytes);
  EXPECT_EQ(early.blocks(4), (std::vector<SackBlock>{{150, 160}, {100, 120}, {200, 210}}));
  EXPECT_EQ(early.blocks(1), (std::vector<SackBlock>{{150, 160}}));
}

TEST(MiniReassembly, MorePiecesThanItHoldsAreForgotten) {
  Reassembly early;
  const auto bytes = counting(1);
  for (std::uint32_t i = 0; i < Reassembly::kPiecesMax + 5; ++i) early.insert(10 + 2 * i, bytes);
  EXPECT_EQ(early.blocks(10'000).size(), Reassembly::kPiecesMax);
}

}  // namespace
}  // namespace dpdk_test
