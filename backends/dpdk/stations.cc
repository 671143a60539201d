#include "backends/dpdk/stations.h"

#include <algorithm>

#include "backends/dpdk/ethernet.h"
#include "base/assert.h"
#include "base/prng.h"

namespace backends::dpdk {

using splice_core::Hop;
using splice_core::kNoHop;

Stations::Stations(std::uint8_t port, std::uint64_t seed)
    : port_(port), seed_(seed), places_(kPlaces, kEmpty) {
  CHECK(port < kPortsMax);
  macs_.reserve(kStationsMax);
}

Hop Stations::learn(const MacAddress& mac) {
  const std::size_t place = place_of(mac);
  if (places_[place] != kEmpty) return hop_of(places_[place]);
  if (macs_.size() == kStationsMax) return kNoHop;
  places_[place] = static_cast<std::uint16_t>(macs_.size());
  macs_.push_back(mac);
  return hop_of(places_[place]);
}

Hop Stations::find(const MacAddress& mac) const {
  const std::uint16_t number = places_[place_of(mac)];
  return number == kEmpty ? kNoHop : hop_of(number);
}

const MacAddress& Stations::mac_of(Hop hop) const {
  const std::size_t number = hop & (kStationsMax - 1);
  CHECK(port_of(hop) == port_ && number < macs_.size());
  return macs_[number];
}

void Stations::move(const MacAddress& from, const MacAddress& to) {
  std::replace(macs_.begin(), macs_.end(), from, to);
  // Rare enough to build the index anew. Of several numbers with one address the first is found.
  std::fill(places_.begin(), places_.end(), kEmpty);
  for (std::size_t number = 0; number < macs_.size(); ++number) {
    std::uint16_t& place = places_[place_of(macs_[number])];
    if (place == kEmpty) place = static_cast<std::uint16_t>(number);
  }
}

std::size_t Stations::place_of(const MacAddress& mac) const {
  std::size_t place = base::splitmix64(mac_key(mac) ^ seed_) % kPlaces;
  // Ends: at least half of the places are empty.
  while (places_[place] != kEmpty && macs_[places_[place]] != mac) place = (place + 1) % kPlaces;
  return place;
}

Hop Stations::hop_of(std::size_t number) const {
  return static_cast<Hop>((std::size_t{port_} << kStationBits) | number);
}

}  // namespace backends::dpdk
