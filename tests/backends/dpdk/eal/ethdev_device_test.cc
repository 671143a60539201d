#include "backends/dpdk/eal/ethdev_device.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include "tests/backends/dpdk/eal/running_eal.h"

namespace backends::dpdk::eal {
namespace {

// net_ring's own, which no option changes: it holds one less.
constexpr std::size_t kRingSlots = 1024;

Frame filled_frame(Device& device, std::uint32_t size, std::byte fill) {
  Frame frame;
  EXPECT_TRUE(device.allocate(frame));
  frame.size = size;
  std::fill_n(frame.data, size, fill);
  return frame;
}

std::vector<Frame> receive(Device& device) {
  std::array<Frame, kBurstMax> frames;
  const std::size_t count = device.receive(frames);
  return {frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(EthdevDevice, AnEmptyFrameHasRoomForTheMtuAndItsHeader) {
  const TestPort port("net_ring");
  Frame frame;
  ASSERT_TRUE(port.device().allocate(frame));
  EXPECT_EQ(frame.size, 0U);
  EXPECT_GE(frame.room, port.device().mtu() + 14U);
  port.device().free({&frame, 1});
}

TEST(EthdevDevice, WhatIsSentOnALoopIsReceivedInOrderAndUnchanged) {
  const TestPort port("net_ring");
  std::vector<Frame> frames;
  for (std::uint32_t i = 0; i < kBurstMax; ++i) {
    frames.push_back(filled_frame(port.device(), 60 + i, static_cast<std::byte>(i)));
  }
  port.device().send(frames);
  const std::vector<Frame> received = receive(port.device());
  ASSERT_EQ(received.size(), kBurstMax);
  for (std::uint32_t i = 0; i < kBurstMax; ++i) {
    EXPECT_EQ(received[i].size, 60 + i);
    EXPECT_EQ(std::count(received[i].data, received[i].data + received[i].size,
                         static_cast<std::byte>(i)),
              60 + i);
  }
  port.device().free(received);
  EXPECT_EQ(port.buffers->available(), kTestBuffers);
}

TEST(EthdevDevice, ABurstIsNoLongerThanItsRoomAndTheRestComesLater) {
  const TestPort port("net_ring");
  std::vector<Frame> frames;
  frames.reserve(5);
  for (int i = 0; i < 5; ++i) {
    frames.push_back(filled_frame(port.device(), 60, std::byte{1}));
  }
  port.device().send(frames);
  std::array<Frame, 3> few;
  EXPECT_EQ(port.device().receive(few), 3U);
  port.device().free(few);
  const std::vector<Frame> rest = receive(port.device());
  EXPECT_EQ(rest.size(), 2U);
  port.device().free(rest);
}

TEST(EthdevDevice, AFrameMayGoOutShorterAndBeginningElsewhere) {
  const TestPort port("net_ring");
  Frame frame = filled_frame(port.device(), 100, std::byte{7});
  frame.data[10] = std::byte{42};
  frame.data += 10;
  frame.size = 70;
  port.device().send({&frame, 1});
  const std::vector<Frame> received = receive(port.device());
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].size, 70U);
  EXPECT_EQ(received[0].data[0], std::byte{42});
  port.device().free(received);
}

TEST(EthdevDeviceDeathTest, AFrameLongerThanItsBufferIsAnErrorOfTheProgrammer) {
  const TestPort port("net_ring");
  Frame frame = filled_frame(port.device(), 60, std::byte{0});
  frame.size = frame.room + 1;
  EXPECT_DEATH(port.device().send({&frame, 1}), "CHECK failed");
  port.device().free({&frame, 1});
}

TEST(EthdevDevice, AFrameOfOnePortLeavesByAnother) {
  const TestPort left("net_ring");
  const TestPort right("net_ring");
  const Frame frame = filled_frame(left.device(), 60, std::byte{9});
  right.device().send({&frame, 1});
  EXPECT_TRUE(receive(left.device()).empty());
  const std::vector<Frame> received = receive(right.device());
  ASSERT_EQ(received.size(), 1U);
  EXPECT_LT(left.buffers->available(), kTestBuffers);
  right.device().free(received);
  EXPECT_EQ(left.buffers->available(), kTestBuffers);
  EXPECT_EQ(right.buffers->available(), kTestBuffers);
}

TEST(EthdevDevice, WhatTheQueueHasNoRoomForIsDroppedCountedAndFreed) {
  const TestPort port("net_ring");
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < kRingSlots + 10; ++i) {
    frames.push_back(filled_frame(port.device(), 60, std::byte{1}));
  }
  port.device().send(frames);
  EXPECT_EQ(port.device().stats().sent, kRingSlots - 1);
  EXPECT_EQ(port.device().stats().sent_bytes, (kRingSlots - 1) * 60);
  EXPECT_EQ(port.device().stats().send_dropped, 11U);
  EXPECT_EQ(port.buffers->available(), kTestBuffers - (kRingSlots - 1));
}

TEST(EthdevDevice, AFrameInSeveralPiecesIsRefusedAndTheOthersStay) {
  const TestPort port("net_ring");
  rte_mbuf* const head = rte_pktmbuf_alloc(port.buffers->native());
  rte_mbuf* const tail = rte_pktmbuf_alloc(port.buffers->native());
  ASSERT_NE(rte_pktmbuf_append(head, 100), nullptr);
  ASSERT_NE(rte_pktmbuf_append(tail, 100), nullptr);
  ASSERT_EQ(rte_pktmbuf_chain(head, tail), 0);
  std::array<rte_mbuf*, 1> chain = {head};
  ASSERT_EQ(rte_eth_tx_burst(port.eal_port.number, 0, chain.data(), 1), 1);
  const Frame frame = filled_frame(port.device(), 60, std::byte{3});
  port.device().send({&frame, 1});
  const std::vector<Frame> received = receive(port.device());
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].data[0], std::byte{3});
  EXPECT_EQ(port.device().stats().receive_errors, 1U);
  EXPECT_EQ(port.device().stats().received, 1U);
  port.device().free(received);
  EXPECT_EQ(port.buffers->available(), kTestBuffers);  // Both pieces are back.
}

TEST(EthdevDevice, WhatTheCardSaidOnArrivalIsNotSentAsAWish) {
  const TestPort port("net_ring");
  const Frame frame = filled_frame(port.device(), 60, std::byte{0});
  auto* const buffer = static_cast<rte_mbuf*>(frame.buffer);
  buffer->ol_flags = RTE_MBUF_F_TX_VLAN | RTE_MBUF_F_TX_TCP_CKSUM;
  buffer->tx_offload = 1234;
  port.device().send({&frame, 1});
  EXPECT_EQ(buffer->ol_flags, 0U);
  EXPECT_EQ(buffer->tx_offload, 0U);
  port.device().free(receive(port.device()));
}

TEST(EthdevDevice, WithoutBuffersThereIsNoFrameAndItIsCounted) {
  const TestPort port("net_ring", 127);
  std::vector<Frame> frames;
  Frame frame;
  while (frames.size() < 128 && port.device().allocate(frame)) {
    frames.push_back(frame);
  }
  EXPECT_EQ(frames.size(), 127U);
  EXPECT_EQ(port.device().stats().no_buffers, 1U);
  port.device().free(frames);
  EXPECT_TRUE(port.device().allocate(frame));
  port.device().free({&frame, 1});
}

TEST(EthdevDevice, BurstsAndEmptyPollsAreCounted) {
  const TestPort port("net_ring");
  EXPECT_TRUE(receive(port.device()).empty());
  const std::array<Frame, 2> frames = {filled_frame(port.device(), 60, std::byte{1}),
                                       filled_frame(port.device(), 90, std::byte{1})};
  port.device().send(frames);
  port.device().free(receive(port.device()));
  const DeviceStats& stats = port.device().stats();
  EXPECT_EQ(stats.empty_polls, 1U);
  EXPECT_EQ(stats.receive_bursts, 1U);
  EXPECT_EQ(stats.received, 2U);
  EXPECT_EQ(stats.received_bytes, 150U);
  EXPECT_EQ(stats.send_bursts, 1U);
  EXPECT_EQ(stats.sent, 2U);
  EXPECT_EQ(stats.sent_bytes, 150U);
}

TEST(EthdevDevice, ItsLinkIsUpWhileThePortRuns) {
  const TestPort port("net_ring");
  EXPECT_TRUE(port.device().link_up());
  ASSERT_EQ(rte_eth_dev_set_link_down(port.eal_port.number), 0);
  EXPECT_FALSE(port.device().link_up());
}

TEST(EthdevDevice, AWorkersThreadUsesItWithAPlaceOfItsOwn) {
  const TestPort port("net_ring");
  std::size_t received = 0;
  std::thread([&] {
    const WorkerPlace place = WorkerPlace::enter().value();
    const Frame frame = filled_frame(port.device(), 60, std::byte{5});
    port.device().send({&frame, 1});
    const std::vector<Frame> frames = receive(port.device());
    received = frames.size();
    port.device().free(frames);
  }).join();
  EXPECT_EQ(received, 1U);
  EXPECT_EQ(port.buffers->available(), kTestBuffers);
}

}  // namespace
}  // namespace backends::dpdk::eal
