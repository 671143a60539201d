// Receive side scaling as network cards do it: the Toeplitz hash of Microsoft's specification, and
// from its lowest bits to a queue through the redirection table. With it a worker chooses the local
// ports whose replies come to its own queue (facts/dpdk.md, 2.8). Plain C++: the numbers come from
// eal/, the arithmetic needs no DPDK. Immutable once made, so threads may share one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/dpdk/splice_core/flow_key.h"

namespace backends::dpdk {

// Source and destination address and port of IPv6: the longest input.
inline constexpr std::size_t kToeplitzInputMax = 36;
// The hash looks at 32 bits of the key for each bit of input; cards have keys of 40 or 52 bytes.
inline constexpr std::size_t kToeplitzKeyMin = kToeplitzInputMax + 4;

class Toeplitz {
 public:
  // At least kToeplitzKeyMin bytes; those behind it do not matter.
  explicit Toeplitz(std::span<const std::uint8_t> key);

  // At most kToeplitzInputMax bytes, in wire order.
  std::uint32_t hash(std::span<const std::byte> input) const;
  // What the card computes for a TCP segment that arrives with this key: remote is its source.
  std::uint32_t hash(const splice_core::FlowKey<splice_core::Ip4>& flow) const;
  std::uint32_t hash(const splice_core::FlowKey<splice_core::Ip6>& flow) const;

 private:
  // What each value of each half byte of the input adds: 4.5 KiB, two loads a byte.
  std::array<std::array<std::uint32_t, 16>, kToeplitzInputMax * 2> parts_{};
};

// How a port spreads arriving segments over its queues, as the card told.
struct RssSpread {
  std::vector<std::uint8_t> key;
  std::vector<std::uint16_t> queues;  // The redirection table; a power of two of entries.
  bool tcp4 = false;                  // Ports count for TCP over IPv4,
  bool tcp6 = false;                  // and over IPv6. Where they do not, no port is better.
};

// Which queue a segment comes to.
class QueueChoice {
 public:
  // key and queues must have usable sizes: kToeplitzKeyMin, a power of two.
  explicit QueueChoice(const RssSpread& spread);

  std::uint16_t queue_of(const splice_core::FlowKey<splice_core::Ip4>& flow) const;
  std::uint16_t queue_of(const splice_core::FlowKey<splice_core::Ip6>& flow) const;

 private:
  std::uint16_t queue_at(std::uint32_t hash) const;

  Toeplitz toeplitz_;
  std::vector<std::uint16_t> queues_;
};

}  // namespace backends::dpdk
