// The IP addresses that are ours on the network ports: as the configuration gives them, and sorted
// by family for those who ask whether an address is one of them. Read-only after it is built.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "backends/dpdk/splice_core/flow_key.h"
#include "base/address.h"
#include "base/assert.h"

namespace backends::dpdk {

// One line of the configuration: "10.1.0.2/24" on a port, perhaps with a gateway.
struct PortAddress {
  std::uint8_t port = 0;
  std::uint8_t prefix_bits = 0;  // At most 32 or 128.
  base::IpPort address;          // Its port number means nothing here.
  base::IpPort gateway;          // Family::kNone: there is none. Otherwise of the same family.
};

template <typename Ip>
inline constexpr bool kIsIp4 = std::is_same_v<Ip, splice_core::Ip4>;

template <typename Ip>
Ip load_ip(const std::byte* at) {
  Ip ip;
  std::memcpy(static_cast<void*>(&ip), at, sizeof(ip));
  return ip;
}
template <typename Ip>
void store_ip(std::byte* at, const Ip& ip) {
  std::memcpy(at, &ip, sizeof(ip));
}

// 0.0.0.0 or ::.
template <typename Ip>
bool is_unspecified(const Ip& ip) {
  return ip == Ip{};
}

// `address` is of this family.
template <typename Ip>
Ip ip_of(const base::IpPort& address) {
  CHECK(address.family == (kIsIp4<Ip> ? base::Family::kV4 : base::Family::kV6));
  return load_ip<Ip>(std::as_bytes(std::span(address.bytes)).data());
}

// True when the first `bits` bits are the same.
template <typename Ip>
bool same_prefix(const Ip& left, const Ip& right, std::size_t bits) {
  using Bytes = std::array<std::uint8_t, sizeof(Ip)>;
  const auto left_bytes = std::bit_cast<Bytes>(left);
  const auto right_bytes = std::bit_cast<Bytes>(right);
  CHECK(bits <= sizeof(Ip) * 8);
  const std::size_t whole = bits / 8;
  if (!std::equal(left_bytes.begin(), left_bytes.begin() + whole, right_bytes.begin())) {
    return false;
  }
  if (bits % 8 == 0) return true;
  return ((left_bytes.at(whole) ^ right_bytes.at(whole)) >> (8 - bits % 8)) == 0;
}

template <typename Ip>
struct OwnAddress {
  Ip address;
  Ip gateway;  // Unspecified: there is none.
  std::uint8_t port = 0;
  std::uint8_t prefix_bits = 0;
  bool has_gateway() const { return !is_unspecified(gateway); }
};

template <typename Ip>
class OwnAddresses {
 public:
  // Those of this family, of all ports.
  explicit OwnAddresses(std::span<const PortAddress> configured) {
    for (const PortAddress& each : configured) {
      if (each.address.family == family()) add(each);
    }
    sort();
  }
  // Those of this family and this port.
  OwnAddresses(std::span<const PortAddress> configured, std::uint8_t port) {
    for (const PortAddress& each : configured) {
      if (each.address.family == family() && each.port == port) add(each);
    }
    sort();
  }

  bool contains(const Ip& ip) const {
    const auto found =
        std::lower_bound(sorted_.begin(), sorted_.end(), ip,
                         [](const Ip& left, const Ip& right) { return before(left, right); });
    return found != sorted_.end() && *found == ip;
  }

  // In the order of the configuration.
  const std::vector<OwnAddress<Ip>>& all() const { return all_; }

 private:
  static constexpr base::Family family() {
    return kIsIp4<Ip> ? base::Family::kV4 : base::Family::kV6;
  }
  // Any order will do.
  static bool before(const Ip& left, const Ip& right) {
    return std::memcmp(&left, &right, sizeof(Ip)) < 0;
  }

  void add(const PortAddress& each) {
    CHECK(each.prefix_bits <= sizeof(Ip) * 8);
    const bool routed = each.gateway.family != base::Family::kNone;
    all_.push_back({ip_of<Ip>(each.address), routed ? ip_of<Ip>(each.gateway) : Ip{}, each.port,
                    each.prefix_bits});
    sorted_.push_back(all_.back().address);
  }
  void sort() { std::sort(sorted_.begin(), sorted_.end(), before); }

  std::vector<OwnAddress<Ip>> all_;
  std::vector<Ip> sorted_;
};

}  // namespace backends::dpdk
