#include "tests/backends/dpdk/fault_wire.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace dpdk_test {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kPackets = 10'000;

std::vector<std::byte> numbered(std::uint32_t number) {
  std::vector<std::byte> packet(sizeof(number));
  std::memcpy(packet.data(), &number, sizeof(number));
  return packet;
}

// Numbers in the order of their arrival at side 1, sent by side 0 one a millisecond.
std::vector<std::uint32_t> carry_all(FaultWire& wire) {
  std::vector<std::uint32_t> numbers;
  std::vector<std::byte> packet;
  for (std::uint32_t i = 0; i < kPackets + 100; ++i) {
    const base::Nanos now = milliseconds(i);
    if (i < kPackets) wire.send(0, numbered(i), now);
    while (wire.receive(1, packet, now)) {
      std::uint32_t number = 0;
      std::memcpy(&number, packet.data(), sizeof(number));
      numbers.push_back(number);
    }
  }
  return numbers;
}

TEST(FaultWire, WithoutFaultsEverythingArrivesOnceAndInOrder) {
  FaultWire wire({}, 1);
  const auto numbers = carry_all(wire);
  ASSERT_EQ(numbers.size(), kPackets);
  for (std::uint32_t i = 0; i < kPackets; ++i) ASSERT_EQ(numbers[i], i);
}

TEST(FaultWire, APacketArrivesAfterTheLatencyAtTheOtherSideOnly) {
  Faults faults;
  faults.latency = milliseconds(3);
  FaultWire wire(faults, 1);
  EXPECT_EQ(wire.next_arrival(), std::nullopt);
  wire.send(1, numbered(5), milliseconds(10));
  std::vector<std::byte> packet;
  EXPECT_EQ(wire.next_arrival(), milliseconds(13));
  EXPECT_FALSE(wire.receive(0, packet, milliseconds(12)));
  EXPECT_FALSE(wire.receive(1, packet, milliseconds(13)));
  EXPECT_TRUE(wire.receive(0, packet, milliseconds(13)));
  EXPECT_EQ(packet, numbered(5));
  EXPECT_FALSE(wire.receive(0, packet, milliseconds(13)));
}

TEST(FaultWire, LossAndDuplicationComeAsOftenAsAsked) {
  Faults faults;
  faults.loss = 50;
  faults.duplicate = 20;
  FaultWire wire(faults, 2);
  const auto numbers = carry_all(wire);
  EXPECT_NEAR(static_cast<double>(wire.stats().lost), 500, 100);
  EXPECT_NEAR(static_cast<double>(wire.stats().duplicated), 190, 60);
  EXPECT_EQ(numbers.size(), kPackets - wire.stats().lost + wire.stats().duplicated);
}

TEST(FaultWire, DelayedPacketsAreOvertaken) {
  Faults faults;
  faults.reorder = 100;
  FaultWire wire(faults, 3);
  auto numbers = carry_all(wire);
  EXPECT_FALSE(std::ranges::is_sorted(numbers));
  EXPECT_NEAR(static_cast<double>(wire.stats().reordered), 1000, 200);
  std::ranges::sort(numbers);
  ASSERT_EQ(numbers.size(), kPackets);
  EXPECT_EQ(std::ranges::adjacent_find(numbers), numbers.end());
}

TEST(FaultWire, CorruptionTurnsOneBit) {
  Faults faults;
  faults.corrupt = 1000;
  FaultWire wire(faults, 4);
  std::vector<std::byte> packet;
  for (int i = 0; i < 1000; ++i) {
    wire.send(0, numbered(0), {});
    ASSERT_TRUE(wire.receive(1, packet, milliseconds(1)));
    std::uint32_t number = 0;
    std::memcpy(&number, packet.data(), sizeof(number));
    ASSERT_EQ(std::popcount(number), 1);
  }
}

TEST(FaultWire, TheSameSeedGivesTheSameFaults) {
  const Faults faults = {50, 20, 100, 0, milliseconds(1), milliseconds(5)};
  FaultWire first(faults, 5);
  FaultWire second(faults, 5);
  FaultWire other(faults, 6);
  const auto numbers = carry_all(first);
  EXPECT_EQ(numbers, carry_all(second));
  EXPECT_NE(numbers, carry_all(other));
}

TEST(FaultWire, MoreThanItCanHoldIsDroppedAndCounted) {
  FaultWire wire({}, 1);
  for (std::size_t i = 0; i < FaultWire::kUnderWayMax + 3; ++i) wire.send(0, numbered(0), {});
  EXPECT_EQ(wire.stats().overflowed, 3U);
}

}  // namespace
}  // namespace dpdk_test
