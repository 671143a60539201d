// Payload that came before the bytes in front of it: kept until they arrive, and named in SACK
// blocks (RFC 2018).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/sim/byte_queue.h"
#include "tests/backends/dpdk/mini_packet.h"

namespace dpdk_test {

class Reassembly {
 public:
  // More than a window of small segments; what comes above is forgotten and must be sent again.
  static constexpr std::size_t kPiecesMax = 4096;

  bool empty() const { return pieces_.empty(); }
  void insert(std::uint32_t seq, std::span<const std::byte> bytes);
  // Appends to `out` what continues from `next` on. Returns the first number that is missing.
  std::uint32_t drain(std::uint32_t next, backends::ByteQueue& out);
  // At most `most` blocks, the one with the latest piece first.
  std::vector<SackBlock> blocks(std::size_t most) const;

 private:
  struct Piece {
    std::uint32_t seq = 0;
    std::vector<std::byte> bytes;
    std::uint32_t end() const { return seq + static_cast<std::uint32_t>(bytes.size()); }
  };

  std::vector<Piece> pieces_;  // By seq. They may overlap, but none lies within another one.
  std::uint32_t latest_ = 0;   // Where the latest piece begins.
};

}  // namespace dpdk_test
