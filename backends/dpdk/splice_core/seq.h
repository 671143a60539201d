// TCP sequence numbers: 32 bits that wrap (RFC 9293, 3.4). Comparisons hold for numbers less than
// 2^31 apart, which the largest window (2^30, RFC 7323) guarantees.
#pragma once

#include <cstdint>

namespace backends::dpdk::splice_core {

constexpr bool seq_before(std::uint32_t left, std::uint32_t right) {
  return static_cast<std::int32_t>(left - right) < 0;
}
constexpr bool seq_at_or_before(std::uint32_t left, std::uint32_t right) {
  return static_cast<std::int32_t>(left - right) <= 0;
}

}  // namespace backends::dpdk::splice_core
