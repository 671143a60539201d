#include "backends/epoll/epoll_connection.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace backends::epoll {
namespace {

TEST(Token, ComesBackFromTheKernelAsItWent) {
  constexpr std::uint32_t kSlotMax = (1U << Token::kSlotBits) - 1;
  for (const auto kind : {Token::Kind::kConnection, Token::Kind::kListener, Token::Kind::kWake}) {
    for (const std::uint32_t slot : {0U, 1U, kSlotMax}) {
      for (const std::uint32_t generation : {1U, 0x80000000U, 0xffffffffU}) {
        const Token token{.kind = kind, .id = {.slot = slot, .generation = generation}};
        const Token back = Token::unpack(token.pack());
        EXPECT_EQ(back.kind, kind);
        EXPECT_EQ(back.id, token.id);
      }
    }
  }
}

TEST(Id, IsNeverTheEmptyOneAndComesBack) {
  const base::SlotId slot{.slot = 0, .generation = 1};
  EXPECT_NE(to_id<ConnId>(slot), ConnId::kNone);
  EXPECT_EQ(to_slot(to_id<ConnId>(slot)), slot);
  EXPECT_EQ(to_slot(ConnId::kNone), base::SlotId{});
}

}  // namespace
}  // namespace backends::epoll
