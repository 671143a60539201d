#include "proxy/dns_filter.h"

#include <algorithm>
#include <tuple>

namespace proxy {

std::string_view name(DnsIgnored cause) {
  constexpr std::array<std::string_view, static_cast<std::size_t>(DnsIgnored::kCount)> kNames = {
      "own_listener", "unusable", "too_many"};
  return kNames[static_cast<std::size_t>(cause)];
}

bool comes_before(const DnsAddress& a, const DnsAddress& b) {
  const auto key = [](const DnsAddress& it) {
    return std::tie(it.priority, it.address.family, it.address.bytes, it.address.port);
  };
  return key(a) < key(b);
}

bool is_usable(const base::IpPort& address) {
  const base::IpPort ip = base::unmapped(address);
  if (ip.port == 0 || base::is_wildcard(ip)) return false;
  if (ip.family == base::Family::kV4) return ip.bytes[0] != 0 && ip.bytes[0] < 224;
  const bool multicast = ip.bytes[0] == 0xff;
  const bool link_local = ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0U) == 0x80;
  return !multicast && !link_local;
}

DnsIgnoredCounts DnsFilter::apply(std::vector<DnsAddress>& addresses) const {
  DnsIgnoredCounts counts{};
  const auto count = [&counts](DnsIgnored cause) -> std::uint32_t& {
    return counts[static_cast<std::size_t>(cause)];
  };
  std::sort(addresses.begin(), addresses.end(), comes_before);
  // Two SRV records may name one address; the one that comes first decides.
  std::vector<DnsAddress> kept;
  for (const DnsAddress& candidate : addresses) {
    const bool known = std::any_of(kept.begin(), kept.end(), [&](const DnsAddress& other) {
      return other.address == candidate.address;
    });
    if (known) continue;
    if (is_own(candidate.address)) {
      ++count(DnsIgnored::kOwnListener);
    } else if (!is_usable(candidate.address)) {
      ++count(DnsIgnored::kUnusable);
    } else if (kept.size() == kAddressesMax) {
      ++count(DnsIgnored::kTooMany);
    } else {
      kept.push_back(candidate);
    }
  }
  addresses = std::move(kept);
  return counts;
}

}  // namespace proxy
