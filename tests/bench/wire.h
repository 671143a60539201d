// Numbers on the wire between the load and its server: 8 bytes, big-endian. No state; any thread.
#pragma once

#include <array>
#include <cstdint>

namespace bench {

using WireNumber = std::array<std::uint8_t, 8>;

constexpr WireNumber encode_number(std::uint64_t value) {
  WireNumber bytes{};
  for (auto it = bytes.rbegin(); it != bytes.rend(); ++it, value >>= 8U)
    *it = static_cast<std::uint8_t>(value & 0xffU);
  return bytes;
}

constexpr std::uint64_t decode_number(const WireNumber& bytes) {
  std::uint64_t value = 0;
  for (const auto byte : bytes) value = value << 8U | byte;
  return value;
}

static_assert(decode_number(encode_number(0x0123456789abcdefU)) == 0x0123456789abcdefU);

}  // namespace bench
