#include "backends/dpdk/toeplitz.h"

#include <bit>
#include <cstring>

#include "base/assert.h"

namespace backends::dpdk {
namespace {

using splice_core::FlowKey;
using splice_core::Ip4;
using splice_core::Ip6;

constexpr std::size_t kBitsOfHalfByte = 4;

// The 32 bits of the key that begin at this bit of it.
std::uint32_t window_at(std::span<const std::uint8_t> key, std::size_t bit) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < 5; ++i) {
    const std::size_t at = bit / 8 + i;
    // The last window ends with the key: the fifth byte is not looked at then.
    bytes = (bytes << 8U) | (at < key.size() ? key[at] : 0U);
  }
  return static_cast<std::uint32_t>(bytes >> (8U - bit % 8));
}

// The input in the order of the specification: source address, destination address, source port,
// destination port. A FlowKey holds all of them in wire order already.
template <typename Ip>
std::array<std::byte, 2 * sizeof(Ip) + 4> input_of(const FlowKey<Ip>& flow) {
  std::array<std::byte, 2 * sizeof(Ip) + 4> input{};
  std::byte* const ports = input.data() + 2 * sizeof(Ip);
  std::memcpy(input.data(), &flow.remote, sizeof(Ip));
  std::memcpy(input.data() + sizeof(Ip), &flow.local, sizeof(Ip));
  std::memcpy(ports, &flow.remote_port, sizeof(flow.remote_port));
  std::memcpy(ports + 2, &flow.local_port, sizeof(flow.local_port));
  return input;
}

}  // namespace

Toeplitz::Toeplitz(std::span<const std::uint8_t> key) {
  CHECK(key.size() >= kToeplitzKeyMin);
  for (std::size_t half = 0; half < parts_.size(); ++half) {
    for (std::size_t value = 0; value < parts_[half].size(); ++value) {
      std::uint32_t part = 0;
      for (std::size_t bit = 0; bit < kBitsOfHalfByte; ++bit) {
        if ((value >> (kBitsOfHalfByte - 1 - bit) & 1U) != 0) {
          part ^= window_at(key, half * kBitsOfHalfByte + bit);
        }
      }
      parts_[half][value] = part;
    }
  }
}

std::uint32_t Toeplitz::hash(std::span<const std::byte> input) const {
  CHECK(input.size() <= kToeplitzInputMax);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < input.size(); ++i) {
    const auto byte = std::to_integer<std::size_t>(input[i]);
    sum ^= parts_[2 * i][byte >> 4U] ^ parts_[2 * i + 1][byte & 0xfU];
  }
  return sum;
}

std::uint32_t Toeplitz::hash(const FlowKey<Ip4>& flow) const { return hash(input_of(flow)); }
std::uint32_t Toeplitz::hash(const FlowKey<Ip6>& flow) const { return hash(input_of(flow)); }

QueueChoice::QueueChoice(const RssSpread& spread) : toeplitz_(spread.key), queues_(spread.queues) {
  CHECK(std::has_single_bit(queues_.size()));
}

std::uint16_t QueueChoice::queue_of(const FlowKey<Ip4>& flow) const {
  return queue_at(toeplitz_.hash(flow));
}
std::uint16_t QueueChoice::queue_of(const FlowKey<Ip6>& flow) const {
  return queue_at(toeplitz_.hash(flow));
}

std::uint16_t QueueChoice::queue_at(std::uint32_t hash) const {
  return queues_[hash & (queues_.size() - 1)];
}

}  // namespace backends::dpdk
