#include "backends/epoll/epoll_engine.h"

#include <gtest/gtest.h>

#include "base/assert.h"

namespace backends::epoll {
namespace {

TEST(EpollEngine, IsAlwaysUsable) {
  const socket::Engine epoll = engine();
  EXPECT_EQ(epoll.name, "epoll");
  EXPECT_TRUE(epoll.probe().usable);
}

TEST(EpollEngine, MakesTransportsOfItsName) {
  const socket::Engine epoll = engine();
  const socket::Claims claims;
  const auto transport = epoll.make({}, claims);
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->name(), epoll.name);
}

TEST(EpollEngine, SaysWhatAnErrorWas) {
  EXPECT_NE(engine().explain(base::to_errno(EMFILE)).reason.find("Too many open files"),
            std::string::npos);
}

}  // namespace
}  // namespace backends::epoll
