#include "backends/dpdk/routes.h"

#include <algorithm>

namespace backends::dpdk {

template <typename Ip>
Routes<Ip>::Routes(std::span<const PortAddress> configured) : own_(configured) {
  for (const OwnAddress<Ip>& own : own_.all()) {
    add_to_subnets(own);
    if (own.has_gateway()) add_to_gateways(own);
  }
  std::stable_sort(subnets_.begin(), subnets_.end(), [](const Subnet& left, const Subnet& right) {
    return left.prefix_bits > right.prefix_bits;
  });
}

template <typename Ip>
std::optional<Route<Ip>> Routes<Ip>::find(const Ip& destination) const {
  if (own_.contains(destination)) return std::nullopt;
  for (const Subnet& subnet : subnets_) {
    if (same_prefix(destination, subnet.sources.front(), subnet.prefix_bits)) {
      return Route<Ip>{subnet.port, destination, subnet.sources};
    }
  }
  if (gateways_.empty()) return std::nullopt;
  const Gateway& gateway = gateways_.front();
  return Route<Ip>{gateway.port, gateway.address, gateway.sources};
}

template <typename Ip>
void Routes<Ip>::add_to_subnets(const OwnAddress<Ip>& own) {
  for (Subnet& subnet : subnets_) {
    if (subnet.port == own.port && subnet.prefix_bits == own.prefix_bits &&
        same_prefix(subnet.sources.front(), own.address, own.prefix_bits)) {
      subnet.sources.push_back(own.address);
      return;
    }
  }
  subnets_.push_back({own.port, own.prefix_bits, {own.address}});
}

template <typename Ip>
void Routes<Ip>::add_to_gateways(const OwnAddress<Ip>& own) {
  for (Gateway& gateway : gateways_) {
    if (gateway.port == own.port && gateway.address == own.gateway) {
      gateway.sources.push_back(own.address);
      return;
    }
  }
  gateways_.push_back({own.port, own.gateway, {own.address}});
}

template class Routes<splice_core::Ip4>;
template class Routes<splice_core::Ip6>;

}  // namespace backends::dpdk
