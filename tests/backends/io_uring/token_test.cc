#include "backends/io_uring/token.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace backends::io_uring {
namespace {

constexpr std::array kOps = {Op::kWake,    Op::kAccept, Op::kKnock,  Op::kWatch,        Op::kReady,
                             Op::kReceive, Op::kSend,   Op::kCancel, Op::kCancelAccept, Op::kClose};

TEST(UringToken, ComesBackFromTheKernelAsItWent) {
  constexpr std::uint32_t kSlotMax = (1U << Token::kSlotBits) - 1;
  for (const Op op : kOps) {
    for (const std::uint32_t slot : {0U, 1U, kSlotMax}) {
      for (const std::uint32_t generation : {1U, 0x80000000U, 0xffffffffU}) {
        const Token token{.op = op, .id = {.slot = slot, .generation = generation}};
        const Token back = Token::unpack(token.pack());
        EXPECT_EQ(back.op, op);
        EXPECT_EQ(back.id, token.id);
      }
    }
  }
}

TEST(UringToken, EachRequestOfAConnectionHasABitOfItsOwn) {
  std::set<std::uint8_t> bits;
  for (const Op op : {Op::kWatch, Op::kReady, Op::kReceive}) {
    EXPECT_NE(bit_of(op), 0U);
    EXPECT_TRUE(bits.insert(bit_of(op)).second);
  }
}

}  // namespace
}  // namespace backends::io_uring
