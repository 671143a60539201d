// One IP packet of a burst, in the memory of the device that received it. The core rewrites it in
// place and says what becomes of it; the binding strips and writes the Ethernet header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace backends::dpdk::splice_core {

// A way out of this machine: a port and the Ethernet address of the next station. The binding's
// number for it; the core only remembers where a packet came from.
using Hop = std::uint16_t;
inline constexpr Hop kNoHop = 0xffff;

enum class Verdict : std::uint8_t {
  kDrop,  // Free it: dropped, with its reason counted, or consumed.
  kSend   // To `hop`.
};

struct Packet {
  std::byte* data = nullptr;  // The first byte of the IP header.
  std::uint32_t size = 0;     // Bytes from data to the end of what arrived, padding included.
  std::uint32_t room = 0;     // Bytes from data that may be written; at least `size`.
  Hop hop = kNoHop;           // In: which station sent it. Out, with kSend: where it goes.
  Verdict verdict = Verdict::kDrop;
};

}  // namespace backends::dpdk::splice_core
