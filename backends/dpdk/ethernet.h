// The Ethernet header (IEEE 802.3, clause 3): 14 bytes in front of every packet. Tagged frames
// (802.1Q) are of another type, so they are nobody's here: the port or the switch takes tags off.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "backends/dpdk/device.h"
#include "backends/dpdk/splice_core/wire.h"

namespace backends::dpdk {

inline constexpr std::uint32_t kEthernetHeaderBytes = 14;
// Without the frame check sequence. Some devices that are not hardware do not pad what is shorter.
inline constexpr std::uint32_t kEthernetFrameMin = 60;

inline constexpr std::uint16_t kEtherTypeIp4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeArp = 0x0806;
inline constexpr std::uint16_t kEtherTypeIp6 = 0x86dd;

inline constexpr MacAddress kMacBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct EthernetHeader {
  MacAddress destination{};
  MacAddress source{};
  std::uint16_t type = 0;
  friend bool operator==(const EthernetHeader&, const EthernetHeader&) = default;
};

inline MacAddress load_mac(const std::byte* at) {
  MacAddress mac;
  std::memcpy(mac.data(), at, mac.size());
  return mac;
}
inline void store_mac(std::byte* at, const MacAddress& mac) {
  std::memcpy(at, mac.data(), mac.size());
}

// Both: kEthernetHeaderBytes are there.
inline EthernetHeader read_ethernet(const std::byte* frame) {
  return {load_mac(frame), load_mac(frame + 6), splice_core::load16(frame + 12)};
}
inline void write_ethernet(std::byte* frame, const EthernetHeader& header) {
  store_mac(frame, header.destination);
  store_mac(frame + 6, header.source);
  splice_core::store16(frame + 12, header.type);
}

// The six bytes as one number, for comparing and hashing.
// Two loads: one of eight bytes out of a copy of six would wait for that copy to be written.
inline std::uint64_t mac_key(const std::byte* at) {
  return splice_core::load_raw<std::uint32_t>(at) |
         (std::uint64_t{splice_core::load_raw<std::uint16_t>(at + 4)} << 32U);
}
inline std::uint64_t mac_key(const MacAddress& mac) {
  return mac_key(std::as_bytes(std::span(mac)).data());
}

// Broadcast or multicast: never a station.
inline bool is_group(const MacAddress& mac) { return (mac[0] & 1U) != 0; }
// What a station may have: not a group, not all zeros.
inline bool is_station(const MacAddress& mac) { return !is_group(mac) && mac_key(mac) != 0; }

// Fills a short frame with zeros up to the smallest size, where there is room.
inline void pad_frame(Frame& frame) {
  const std::uint32_t wanted = std::min(kEthernetFrameMin, frame.room);
  if (frame.size >= wanted) return;
  std::memset(frame.data + frame.size, 0, wanted - frame.size);
  frame.size = wanted;
}

}  // namespace backends::dpdk
