#include "backends/epoll/epoll_factory.h"

#include <gtest/gtest.h>

#include <csignal>

namespace backends::epoll {
namespace {

TEST(EpollFactory, MakesTransportsThatListenOnItsClaims) {
  EpollFactory factory;
  const auto address =
      factory.claim({.address = base::parse_address("127.0.0.1:0").value(), .tcp = {}});
  ASSERT_TRUE(address);
  for (int worker = 0; worker < 3; ++worker) {
    const auto transport = factory.make({});
    ASSERT_TRUE(transport);
    EXPECT_EQ((*transport)->name(), "epoll");
    const auto listener = (*transport)->listen({.address = *address, .tcp = {}}, {});
    ASSERT_TRUE(listener);
    EXPECT_EQ((*transport)->local(*listener), *address);
  }
}

TEST(EpollFactory, AUnixPathMustBeClaimed) {
  EpollFactory factory;
  const auto transport = factory.make({});
  ASSERT_TRUE(transport);
  const auto listener =
      (*transport)
          ->listen(
              {.address = base::parse_address("unix:/tmp/millrace-unclaimed").value(), .tcp = {}},
              {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error(), base::to_errno(EADDRNOTAVAIL));
}

TEST(EpollFactory, ASplicedReceiverThatIsGoneDoesNotKillTheProcess) {
  const EpollFactory factory;
  struct sigaction action {};
  ASSERT_EQ(::sigaction(SIGPIPE, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_IGN);
}

}  // namespace
}  // namespace backends::epoll
