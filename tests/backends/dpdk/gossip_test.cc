#include "backends/dpdk/gossip.h"

#include <gtest/gtest.h>

#include <vector>

namespace backends::dpdk {
namespace {

std::vector<std::byte> bytes(std::size_t size) {
  return std::vector<std::byte>(size, std::byte{7});
}

TEST(Gossip, EverybodyElseHearsItOnce) {
  Gossip gossip(3);
  EXPECT_EQ(gossip.tell(1, 4, bytes(42)), 0U);
  std::vector<std::size_t> heard(3, 0);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t worker = 0; worker < 3; ++worker) {
      gossip.hear(worker, [&](std::uint8_t port, std::span<const std::byte> frame) {
        EXPECT_EQ(port, 4);
        EXPECT_EQ(frame.size(), 42U);
        EXPECT_EQ(frame[41], std::byte{7});
        ++heard[worker];
      });
    }
  }
  EXPECT_EQ(heard, (std::vector<std::size_t>{1, 0, 1}));
}

TEST(Gossip, ALongFrameIsCut) {
  Gossip gossip(2);
  gossip.tell(0, 0, bytes(1500));
  gossip.hear(1, [](std::uint8_t, std::span<const std::byte> frame) {
    EXPECT_EQ(frame.size(), Gossip::kBytesMax);
  });
}

TEST(Gossip, AFullMailboxIsSaidAndHarmsNobody) {
  Gossip gossip(2);
  std::size_t lost = 0;
  for (int i = 0; i < 300; ++i) lost += gossip.tell(0, 0, bytes(60));
  EXPECT_EQ(lost, 300U - 256U);
  std::size_t heard = 0;
  gossip.hear(1, [&](std::uint8_t, std::span<const std::byte>) { ++heard; });
  EXPECT_EQ(heard, 256U);
}

}  // namespace
}  // namespace backends::dpdk
