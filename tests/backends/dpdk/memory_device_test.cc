#include "backends/dpdk/memory_device.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace backends::dpdk {
namespace {

MemoryWireOptions small() {
  MemoryWireOptions options;
  options.ring_frames = 4;
  options.spare_buffers = 6;
  return options;
}

// A frame that carries one number.
Frame numbered(Device& device, std::uint64_t number) {
  Frame frame;
  EXPECT_TRUE(device.allocate(frame));
  frame.size = sizeof(number);
  std::memcpy(frame.data, &number, sizeof(number));
  return frame;
}

std::uint64_t number_of(const Frame& frame) {
  std::uint64_t number = 0;
  EXPECT_EQ(frame.size, sizeof(number));
  std::memcpy(&number, frame.data, sizeof(number));
  return number;
}

void send_number(Device& device, std::uint64_t number) {
  const Frame frame = numbered(device, number);
  device.send({&frame, 1});
}

// What arrives in one burst; the frames are freed.
std::vector<std::uint64_t> receive_numbers(Device& device, std::size_t most = kBurstMax) {
  std::array<Frame, 2 * kBurstMax> frames;
  const std::size_t count = device.receive(std::span(frames).first(most));
  std::vector<std::uint64_t> numbers;
  for (const Frame& frame : std::span(frames).first(count)) numbers.push_back(number_of(frame));
  device.free(std::span(frames).first(count));
  return numbers;
}

std::size_t stock_of(Device& device) {
  std::vector<Frame> held;
  Frame frame;
  while (device.allocate(frame)) held.push_back(frame);
  device.free(held);
  return held.size();
}

using Numbers = std::vector<std::uint64_t>;

TEST(MemoryWire, FramesArriveInOrderAtTheOtherEndOnly) {
  MemoryWire wire(small());
  send_number(wire.end(0), 1);
  send_number(wire.end(0), 2);
  send_number(wire.end(1), 3);
  EXPECT_EQ(receive_numbers(wire.end(1)), (Numbers{1, 2}));
  EXPECT_EQ(receive_numbers(wire.end(0)), (Numbers{3}));
  EXPECT_EQ(receive_numbers(wire.end(0)), Numbers{});
}

TEST(MemoryWire, NoFrameIsCopied) {
  MemoryWire wire(small());
  const Frame sent = numbered(wire.end(0), 1);
  wire.end(0).send({&sent, 1});
  Frame arrived;
  ASSERT_EQ(wire.end(1).receive({&arrived, 1}), 1U);
  EXPECT_EQ(arrived.data, sent.data);
  wire.end(1).send({&arrived, 1});  // Forwarded from where it lies.
  EXPECT_EQ(receive_numbers(wire.end(0)), (Numbers{1}));
}

TEST(MemoryWire, AnEndKeepsItsNumberOfBuffers) {
  MemoryWire wire(small());
  for (std::uint64_t i = 0; i < 100; ++i) {
    send_number(wire.end(0), i);
    if (i % 3 == 0) send_number(wire.end(1), i);
    if (i % 5 == 0) receive_numbers(wire.end(1));
    if (i % 7 == 0) receive_numbers(wire.end(0));
    ASSERT_EQ(stock_of(wire.end(0)), 6U) << i;
    ASSERT_EQ(stock_of(wire.end(1)), 6U) << i;
  }
}

TEST(MemoryWire, NoBufferIsGivenTwice) {
  MemoryWire wire(small());
  for (std::uint64_t i = 0; i < 7; ++i) send_number(wire.end(0), i);
  receive_numbers(wire.end(1), 2);
  std::set<void*> seen;
  std::array<std::vector<Frame>, 2> held;
  for (std::size_t side = 0; side < 2; ++side) {
    Frame frame;
    while (wire.end(side).allocate(frame)) {
      EXPECT_TRUE(seen.insert(frame.buffer).second);
      held.at(side).push_back(frame);
    }
    wire.end(side).free(held.at(side));
  }
  EXPECT_EQ(seen.size(), 12U);
}

TEST(MemoryWire, AFullRingDropsAndCounts) {
  MemoryWire wire(small());
  for (std::uint64_t i = 0; i < 6; ++i) send_number(wire.end(0), i);
  EXPECT_EQ(wire.end(0).stats().sent, 4U);
  EXPECT_EQ(wire.end(0).stats().send_dropped, 2U);
  EXPECT_EQ(receive_numbers(wire.end(1)), (Numbers{0, 1, 2, 3}));
  send_number(wire.end(0), 9);
  EXPECT_EQ(receive_numbers(wire.end(1)), (Numbers{9}));
}

TEST(MemoryWire, WithoutSpareBuffersFramesWaitOnTheWire) {
  MemoryWireOptions options = small();
  options.spare_buffers = 2;
  MemoryWire wire(options);
  for (std::uint64_t i = 0; i < 3; ++i) send_number(wire.end(0), i);
  std::array<Frame, 4> frames;
  ASSERT_EQ(wire.end(1).receive(frames), 2U);
  Frame none;
  EXPECT_FALSE(wire.end(1).allocate(none));
  EXPECT_EQ(wire.end(1).stats().no_buffers, 1U);
  wire.end(1).free(std::span(frames).first(2));
  EXPECT_EQ(receive_numbers(wire.end(1)), (Numbers{2}));
}

TEST(MemoryWire, ABurstHasAtMostKBurstMaxFrames) {
  MemoryWire wire({});
  for (std::uint64_t i = 0; i < 100; ++i) send_number(wire.end(0), i);
  EXPECT_EQ(receive_numbers(wire.end(1), 2 * kBurstMax).size(), kBurstMax);
  EXPECT_EQ(receive_numbers(wire.end(1), 10).size(), 10U);
}

TEST(MemoryWire, AFrameWhoseStartWasMovedArrivesWhole) {
  MemoryWire wire(small());
  Frame frame;
  ASSERT_TRUE(wire.end(0).allocate(frame));
  frame.data += 10;
  const std::uint64_t number = 77;
  frame.size = sizeof(number);
  std::memcpy(frame.data, &number, sizeof(number));
  wire.end(0).send({&frame, 1});
  Frame arrived;
  ASSERT_EQ(wire.end(1).receive({&arrived, 1}), 1U);
  EXPECT_EQ(number_of(arrived), 77U);
  EXPECT_EQ(arrived.room, 2048U - 10U);
  wire.end(1).free({&arrived, 1});
  ASSERT_TRUE(wire.end(1).allocate(arrived));
  EXPECT_EQ(arrived.data, arrived.buffer);
  wire.end(1).free({&arrived, 1});
}

TEST(MemoryWire, WhileTheLinkIsDownNothingIsCarried) {
  MemoryWire wire(small());
  send_number(wire.end(0), 1);
  wire.set_link(false);
  EXPECT_FALSE(wire.end(0).link_up());
  EXPECT_FALSE(wire.end(1).link_up());
  send_number(wire.end(0), 2);
  EXPECT_EQ(wire.end(0).stats().send_dropped, 1U);
  EXPECT_EQ(receive_numbers(wire.end(1)), Numbers{});
  wire.set_link(true);
  EXPECT_EQ(receive_numbers(wire.end(1)), (Numbers{1}));
}

TEST(MemoryWire, EndsSayWhatTheOptionsSay) {
  MemoryWireOptions options = small();
  options.mtu = 9000;
  options.buffer_bytes = 9014;
  options.names = {"left", "right"};
  MemoryWire wire(options);
  EXPECT_EQ(wire.end(0).name(), "left");
  EXPECT_EQ(wire.end(1).mac(), options.macs[1]);
  EXPECT_EQ(wire.end(1).mtu(), 9000);
  Frame frame;
  ASSERT_TRUE(wire.end(0).allocate(frame));
  EXPECT_GE(frame.room, 9014U);
  wire.end(0).free({&frame, 1});
}

TEST(MemoryWire, StatsCountFramesBytesAndBursts) {
  MemoryWire wire(small());
  const std::array<Frame, 2> burst = {numbered(wire.end(0), 1), numbered(wire.end(0), 2)};
  wire.end(0).send(burst);
  receive_numbers(wire.end(1));
  receive_numbers(wire.end(1));
  const DeviceStats& sender = wire.end(0).stats();
  EXPECT_EQ(sender.sent, 2U);
  EXPECT_EQ(sender.sent_bytes, 16U);
  EXPECT_EQ(sender.send_bursts, 1U);
  const DeviceStats& receiver = wire.end(1).stats();
  EXPECT_EQ(receiver.received, 2U);
  EXPECT_EQ(receiver.received_bytes, 16U);
  EXPECT_EQ(receiver.receive_bursts, 1U);
  EXPECT_EQ(receiver.empty_polls, 1U);
}

TEST(MemoryWireDeathTest, AFrameFreedTwiceStopsTheProcess) {
  MemoryWire wire(small());
  const Frame frame = numbered(wire.end(0), 1);
  wire.end(0).free({&frame, 1});
  EXPECT_DEATH(wire.end(0).free({&frame, 1}), "CHECK failed");
}

TEST(MemoryWire, TwoThreadsExchangeFramesUnharmed) {
  MemoryWire wire({});
  constexpr std::uint64_t kFrames = 200'000;
  // Sends back what arrives until the last number has passed.
  std::thread echo([&wire] {
    Device& device = wire.end(1);
    std::array<Frame, kBurstMax> frames;
    std::uint64_t expected = 0;
    while (expected < kFrames) {
      const std::size_t count = device.receive(frames);
      if (count == 0) std::this_thread::yield();
      for (const Frame& frame : std::span(frames).first(count)) {
        EXPECT_EQ(number_of(frame), expected++);
      }
      device.send(std::span(frames).first(count));
    }
  });
  Device& device = wire.end(0);
  std::uint64_t sent = 0;
  std::uint64_t back = 0;
  while (back < kFrames) {
    // Fewer under way than the ring has places: nothing may be dropped.
    while (sent < kFrames && sent - back < 512) send_number(device, sent++);
    const Numbers numbers = receive_numbers(device);
    if (numbers.empty()) std::this_thread::yield();
    for (const std::uint64_t number : numbers) EXPECT_EQ(number, back++);
  }
  echo.join();
  EXPECT_EQ(device.stats().send_dropped, 0U);
  EXPECT_EQ(wire.end(1).stats().send_dropped, 0U);
}

}  // namespace
}  // namespace backends::dpdk
