#include "backends/dpdk/eal/buffers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/backends/dpdk/eal/running_eal.h"

namespace backends::dpdk::eal {
namespace {

using testing::HasSubstr;

TEST(Buffers, TheirRoomIsAtLeastTheUsualAndFitsTheMtu) {
  const auto plain = test_buffers(255);
  EXPECT_EQ(plain->room(), 2048U);
  const auto jumbo = Buffers::make(running_eal(), fresh_name("buffers"), 255, 9000);
  ASSERT_TRUE(jumbo) << jumbo.error();
  EXPECT_GE((*jumbo)->room(), frame_bytes_of(9000));
}

TEST(Buffers, AllOfThemAreThereAtFirst) { EXPECT_EQ(test_buffers(511)->available(), 511U); }

TEST(Buffers, AreEnoughForEverySlotAndTheWorkersOwn) {
  EXPECT_EQ(buffers_needed(1, 1024, 1024), 4095U);
  EXPECT_GE(buffers_needed(4, 4096, 4096), 4U * 8192 + 4 * 64);
}

TEST(Buffers, MoreThanTheMemoryHasAreRefusedInWords) {
  const auto buffers = Buffers::make(running_eal(), fresh_name("buffers"), 1U << 20U, 1500);
  ASSERT_FALSE(buffers);
  EXPECT_THAT(buffers.error(), HasSubstr("no memory for 1048576 frame buffers of 2048 bytes: "));
}

TEST(Buffers, ANameIsTakenUntilItsBuffersAreGone) {
  const std::string name = fresh_name("buffers");
  auto first = Buffers::make(running_eal(), name, 255, 1500);
  ASSERT_TRUE(first);
  const auto second = Buffers::make(running_eal(), name, 255, 1500);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("EEXIST"));
  first->reset();
  EXPECT_TRUE(Buffers::make(running_eal(), name, 255, 1500));
}

TEST(Buffers, AnMtuThatNoBufferCanHoldIsRefused) {
  const auto buffers = Buffers::make(running_eal(), fresh_name("buffers"), 255, 65535);
  ASSERT_FALSE(buffers);
  EXPECT_THAT(buffers.error(), HasSubstr("MTU of 65535"));
}

}  // namespace
}  // namespace backends::dpdk::eal
