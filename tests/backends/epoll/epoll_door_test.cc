#include "backends/epoll/epoll_door.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "backends/socket/listener_socket.h"
#include "backends/socket/socket_options.h"
#include "base/fd.h"

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

TEST(EpollDoor, TellsOfClientsWhileItIsOpenAndBringsThemOneByOne) {
  const base::UniqueFd epoll_fd(::epoll_create1(EPOLL_CLOEXEC));
  TransportStats stats;
  EpollDoor door(epoll_fd.get(), stats);
  const auto listener =
      socket::open_listener({.address = base::parse_address("127.0.0.1:0").value(), .tcp = {}});
  ASSERT_TRUE(listener);
  const base::SlotId id{.slot = 5, .generation = 6};
  const auto told = [&] {
    epoll_event event{};
    return ::epoll_wait(epoll_fd.get(), &event, 1, 0) == 1 &&
           Token::unpack(event.data.u64).id == id;
  };
  ASSERT_TRUE(door.open(id, listener->get(), false, 1));
  EXPECT_FALSE(told());
  const base::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const base::RawAddress raw = base::to_raw(socket::local_of(listener->get()));
  ASSERT_EQ(::connect(client.get(), raw.get(), raw.size), 0);
  EXPECT_TRUE(told());
  door.close(id, listener->get());
  EXPECT_FALSE(told());
  ASSERT_TRUE(door.open(id, listener->get(), false, 1));
  EXPECT_TRUE(told());
  const auto first = door.next(id, listener->get());
  ASSERT_TRUE(first);
  const base::UniqueFd accepted(*first);
  const auto second = door.next(id, listener->get());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), base::to_errno(EAGAIN));
}

}  // namespace
}  // namespace backends::epoll
