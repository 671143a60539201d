// The stations of one port: who has sent us frames or answered us, by number. A number and its port
// are a splice_core Hop, and pairs keep hops for as long as they live without telling us; so a
// number is never taken back, the table only fills, and when it is full new stations are refused.
// One worker's, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/dpdk/device.h"
#include "backends/dpdk/splice_core/packet.h"

namespace backends::dpdk {

// A hop is the port in the upper bits and the station's number in the lower. 15 ports, so that
// kNoHop is the hop of none.
inline constexpr unsigned kStationBits = 12;
inline constexpr std::size_t kStationsMax = std::size_t{1} << kStationBits;
inline constexpr std::uint8_t kPortsMax = 15;

// Of a hop that is not kNoHop.
constexpr std::uint8_t port_of(splice_core::Hop hop) {
  return static_cast<std::uint8_t>(hop >> kStationBits);
}

class Stations {
 public:
  // port below kPortsMax. The seed keeps neighbours from choosing addresses that collide.
  Stations(std::uint8_t port, std::uint64_t seed);

  // The hop of this station, which gets a number when it has none. kNoHop: the table is full.
  splice_core::Hop learn(const MacAddress& mac);
  // kNoHop: not known.
  splice_core::Hop find(const MacAddress& mac) const;

  // A hop that learn() or find() gave.
  const MacAddress& mac_of(splice_core::Hop hop) const;

  // All hops of `from` lead to `to` from now on: a gateway's address has moved to another router.
  // A frame of `from` makes it a new station.
  void move(const MacAddress& from, const MacAddress& to);

  std::size_t size() const { return macs_.size(); }

 private:
  // Twice the stations: at most half full, so a search ends soon.
  static constexpr std::size_t kPlaces = kStationsMax * 2;
  static constexpr std::uint16_t kEmpty = 0xffff;

  // Where the station is, or the empty place where it would be.
  std::size_t place_of(const MacAddress& mac) const;
  splice_core::Hop hop_of(std::size_t number) const;

  std::uint8_t port_;
  std::uint64_t seed_;
  std::vector<MacAddress> macs_;       // By number.
  std::vector<std::uint16_t> places_;  // Open addressing: numbers.
};

}  // namespace backends::dpdk
