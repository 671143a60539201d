// Which way an address is: the port, the next station's address, and the addresses of ours that
// connections to it may come from. Built from the configuration; the kernel's routes have no say,
// because these ports are not the kernel's. Read-only after it is built.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backends/dpdk/own_address.h"
#include "backends/dpdk/splice_core/flow_key.h"

namespace backends::dpdk {

template <typename Ip>
struct Route {
  std::uint8_t port = 0;
  Ip next_hop;                  // The address itself, or a gateway: what Link::hop_to() takes.
  std::span<const Ip> sources;  // Never empty. As long as the Routes live.
};

template <typename Ip>
class Routes {
 public:
  // Addresses of the other family are left out.
  explicit Routes(std::span<const PortAddress> configured);

  // In the prefix of an address of ours: directly, the longest prefix first. Otherwise by the
  // gateway that the configuration names first. Nothing: unreachable, and our own addresses are.
  std::optional<Route<Ip>> find(const Ip& destination) const;

 private:
  struct Subnet {
    std::uint8_t port;
    std::uint8_t prefix_bits;
    std::vector<Ip> sources;  // Any of them stands for the prefix.
  };
  struct Gateway {
    std::uint8_t port;
    Ip address;
    std::vector<Ip> sources;
  };

  void add_to_subnets(const OwnAddress<Ip>& own);
  void add_to_gateways(const OwnAddress<Ip>& own);

  OwnAddresses<Ip> own_;
  std::vector<Subnet> subnets_;
  std::vector<Gateway> gateways_;
};

extern template class Routes<splice_core::Ip4>;
extern template class Routes<splice_core::Ip6>;

}  // namespace backends::dpdk
