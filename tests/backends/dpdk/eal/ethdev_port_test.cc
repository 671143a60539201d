#include "backends/dpdk/eal/ethdev_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <array>

#include "tests/backends/dpdk/eal/running_eal.h"

namespace backends::dpdk::eal {
namespace {

using testing::Each;
using testing::HasSubstr;

EalPort attached(const std::string& text) {
  auto port = running_eal().attach(text);
  if (!port) throw std::runtime_error(port.error());
  return *std::move(port);
}

TEST(EthdevPort, HasOneDeviceForEachWorkersBuffers) {
  const auto first = test_buffers(1023);
  const auto second = test_buffers(1023);
  const std::array<const Buffers*, 2> all = {first.get(), second.get()};
  const EalPort eal_port = attached(fresh_name("net_null"));
  const auto port = EthdevPort::open(running_eal(), eal_port, {}, all);
  ASSERT_TRUE(port) << port.error();
  EXPECT_EQ((*port)->queues(), 2);
  EXPECT_EQ((*port)->name(), eal_port.name);
  EXPECT_EQ((*port)->device(1).name(), eal_port.name);
  EXPECT_EQ((*port)->device(1).mtu(), 1500);
  EXPECT_EQ((*port)->device(0).mac(), (*port)->device(1).mac());
  EXPECT_NE((*port)->device(0).mac(), MacAddress{});
  // Each queue receives into its own worker's memory.
  std::array<Frame, 4> frames;
  ASSERT_EQ((*port)->device(1).receive(frames), 4U);
  EXPECT_EQ(first->available(), 1023U);
  EXPECT_LT(second->available(), 1023U);
  (*port)->device(1).free(frames);
}

TEST(EthdevPort, MoreWorkersThanQueuesAreRefusedInWords) {
  const auto buffers = test_buffers(255);
  const EalPort eal_port = attached(fresh_name("net_ring"));
  const std::vector<const Buffers*> many(1000, buffers.get());
  const auto port = EthdevPort::open(running_eal(), eal_port, {}, many);
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(),
              HasSubstr("port " + eal_port.name + " (net_ring): there are 1000 workers"));
}

TEST(EthdevPort, AnMtuThatDoesNotFitIntoTheBuffersIsRefused) {
  const auto buffers = test_buffers(255);
  const std::array<const Buffers*, 1> all = {buffers.get()};
  const auto port =
      EthdevPort::open(running_eal(), attached(fresh_name("net_null")), {.mtu = 9000}, all);
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(), HasSubstr("its MTU of 9000 does not fit into a buffer"));
}

TEST(EthdevPort, AnMtuThatIsAskedForIsTheDevices) {
  const auto buffers = test_buffers(255);
  const std::array<const Buffers*, 1> all = {buffers.get()};
  const auto port =
      EthdevPort::open(running_eal(), attached(fresh_name("net_null")), {.mtu = 1400}, all);
  ASSERT_TRUE(port) << port.error();
  EXPECT_EQ((*port)->device(0).mtu(), 1400);
}

TEST(EthdevPort, TellsItsKeyAndTableForTheChoiceOfPorts) {
  const auto buffers = test_buffers(255);
  const std::array<const Buffers*, 2> all = {buffers.get(), buffers.get()};
  const EalPort eal_port = attached(fresh_name("net_null"));
  const auto port = EthdevPort::open(running_eal(), eal_port, {}, all);
  ASSERT_TRUE(port) << port.error();
  std::array<rte_eth_rss_reta_entry64, 2> table{};
  table[1].mask = UINT64_MAX;
  std::fill(std::begin(table[1].reta), std::end(table[1].reta), std::uint16_t{1});
  ASSERT_EQ(rte_eth_dev_rss_reta_update(eal_port.number, table.data(), 128), 0);

  const auto spread = (*port)->rss();
  ASSERT_TRUE(spread);
  ASSERT_EQ(spread->key.size(), 40U);
  EXPECT_EQ(spread->key[0], 0x6d);  // net_null has the key of Microsoft's specification.
  ASSERT_EQ(spread->queues.size(), 128U);
  const auto middle = spread->queues.begin() + 64;
  EXPECT_THAT(std::vector<std::uint16_t>(spread->queues.begin(), middle), Each(0));
  EXPECT_THAT(std::vector<std::uint16_t>(middle, spread->queues.end()), Each(1));
  EXPECT_TRUE(spread->tcp4);
  EXPECT_TRUE(spread->tcp6);
  EXPECT_EQ(QueueChoice(*spread).queue_of(splice_core::FlowKey<splice_core::Ip4>{}), 0);
}

TEST(EthdevPort, OneThatDoesNotSpreadSaysNothing) {
  EXPECT_FALSE(TestPort("net_ring").port->rss());
}

}  // namespace
}  // namespace backends::dpdk::eal
