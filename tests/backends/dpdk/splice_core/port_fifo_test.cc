// Queues of ports out of one pool of chunks.
#include "backends/dpdk/splice_core/port_fifo.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/prng.h"

namespace {

using backends::dpdk::splice_core::PortChunks;
using backends::dpdk::splice_core::PortFifo;

void fill(PortFifo& fifo, PortChunks& chunks, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) fifo.push(chunks, static_cast<std::uint16_t>(i));
}

TEST(PortFifo, GivesPortsInTheOrderTheyCame) {
  PortChunks chunks;
  PortFifo fifo;
  fill(fifo, chunks, 1000);
  EXPECT_EQ(fifo.size(), 1000U);
  for (std::uint16_t port = 0; port < 1000; ++port) EXPECT_EQ(fifo.pop(chunks), port);
  EXPECT_EQ(fifo.size(), 0U);
}

TEST(PortFifo, AFullRangeOfPortsCosts2BytesEach) {
  PortChunks chunks;
  PortFifo fifo;
  fill(fifo, chunks, 64512);
  EXPECT_LT(chunks.memory_bytes(), 64512U * 2 * 115 / 100);  // The link, and a block begun.
}

TEST(PortFifo, ChunksAreUsedAgain) {
  PortChunks chunks;
  PortFifo fifo;
  fill(fifo, chunks, 1000);
  const std::size_t before = chunks.memory_bytes();
  for (std::size_t i = 0; i < 1000000; ++i) fifo.push(chunks, fifo.pop(chunks));
  for (int round = 0; round < 100; ++round) {
    fifo.clear(chunks);
    EXPECT_EQ(fifo.size(), 0U);
    fill(fifo, chunks, 1000);
  }
  EXPECT_EQ(chunks.memory_bytes(), before);
}

TEST(PortFifoDeathTest, AnEmptyOneHasNothingToGive) {
  PortChunks chunks;
  PortFifo fifo;
  EXPECT_DEATH(fifo.pop(chunks), "size_ > 0");
}

TEST(PortFifo, ManyOfThemDoNotMixUpTheirPorts) {
  PortChunks chunks;
  std::array<PortFifo, 5> fifos;
  std::array<std::deque<std::uint16_t>, 5> model;
  base::Prng prng(3);
  for (int step = 0; step < 200000; ++step) {
    const std::size_t at = prng.below(fifos.size());
    PortFifo& fifo = fifos.at(at);
    std::deque<std::uint16_t>& expected = model.at(at);
    // Now rather filling, now rather emptying: from nothing to some chunks and back.
    const bool filling = (step / 5000) % 2 == 0;
    if (prng.below(2000) == 0) {
      fifo.clear(chunks);
      expected.clear();
    } else if (prng.chance(filling ? 600 : 400)) {
      const auto port = static_cast<std::uint16_t>(prng.next());
      fifo.push(chunks, port);
      expected.push_back(port);
    } else if (!expected.empty()) {
      ASSERT_EQ(fifo.pop(chunks), expected.front());
      expected.pop_front();
    }
    ASSERT_EQ(fifo.size(), expected.size());
  }
}

}  // namespace
