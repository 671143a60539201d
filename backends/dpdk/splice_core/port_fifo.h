// A queue of ports that costs 2 bytes a port however long it is: chunks in a list, from a pool that
// all queues share. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace backends::dpdk::splice_core {

// Hands out chunks by number. Memory grows by kBlock chunks when none is free, and is kept.
class PortChunks {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::size_t kPorts = 126;  // With the link 256 bytes: 4 lines of the cache.

  struct alignas(64) Chunk {
    std::uint32_t next = kNone;
    std::array<std::uint16_t, kPorts> ports{};
  };

  std::uint32_t take();
  void give_back(std::uint32_t chunk);
  Chunk& operator[](std::uint32_t chunk) { return (*blocks_[chunk / kBlock])[chunk % kBlock]; }

  std::size_t memory_bytes() const { return blocks_.size() * sizeof(Block); }

 private:
  static constexpr std::uint32_t kBlock = 64;
  using Block = std::array<Chunk, kBlock>;

  std::vector<std::unique_ptr<Block>> blocks_;
  std::uint32_t free_ = kNone;
};

// Plain numbers: the pool is given with each call, the same one always. clear() before it goes.
class PortFifo {
 public:
  void push(PortChunks& chunks, std::uint16_t port);
  // The oldest. There must be one.
  std::uint16_t pop(PortChunks& chunks);
  void clear(PortChunks& chunks);

  std::uint32_t size() const { return size_; }

 private:
  std::uint32_t size_ = 0;
  std::uint32_t first_ = PortChunks::kNone;  // The chunk that is read,
  std::uint32_t last_ = PortChunks::kNone;   // and the one that is written.
  std::uint8_t read_ = 0;                    // Places in them.
  std::uint8_t written_ = 0;
};

}  // namespace backends::dpdk::splice_core
