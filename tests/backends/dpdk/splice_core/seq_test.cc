#include "backends/dpdk/splice_core/seq.h"

#include <gtest/gtest.h>

namespace backends::dpdk::splice_core {
namespace {

TEST(Seq, OrderHoldsAcrossTheWrap) {
  for (const std::uint32_t start : {0U, 1U, 0x7fffffffU, 0x80000000U, 0xfffffff0U, 0xffffffffU}) {
    for (const std::uint32_t distance : {1U, 2U, 0xffffU, 1U << 30U, 0x7fffffffU}) {
      EXPECT_TRUE(seq_before(start, start + distance)) << start << '+' << distance;
      EXPECT_TRUE(seq_at_or_before(start, start + distance)) << start << '+' << distance;
      EXPECT_FALSE(seq_before(start + distance, start)) << start << '+' << distance;
      EXPECT_FALSE(seq_at_or_before(start + distance, start)) << start << '+' << distance;
    }
  }
}

TEST(Seq, ANumberIsAtItselfAndNotBefore) {
  for (const std::uint32_t number : {0U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
    EXPECT_FALSE(seq_before(number, number));
    EXPECT_TRUE(seq_at_or_before(number, number));
  }
}

TEST(Seq, MovingBothByTheSameKeepsTheirOrder) {
  // What the translation of a connection rests on.
  for (const std::uint32_t shift : {1U, 0x12345678U, 0x80000000U, 0xffffffffU}) {
    EXPECT_TRUE(seq_before(100 + shift, 200 + shift));
    EXPECT_FALSE(seq_before(200 + shift, 100 + shift));
  }
}

}  // namespace
}  // namespace backends::dpdk::splice_core
