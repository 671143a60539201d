#include "backends/dpdk/address_claims.h"

#include <algorithm>
#include <cerrno>

namespace backends::dpdk {
namespace {

constexpr std::uint16_t kDynamicFirst = 49152;
constexpr std::uint16_t kDynamicLast = 65535;

bool same_ip(const base::IpPort& left, const base::IpPort& right) {
  return left.family == right.family && left.bytes == right.bytes;
}

}  // namespace

base::Result<base::Address> AddressClaims::claim(const base::Address& address) {
  if (address.family() == base::Family::kUnix) {
    return base::failure(base::to_errno(EAFNOSUPPORT));
  }
  base::Address claimed = address;
  if (!ours(address.ip)) return base::failure(base::to_errno(EADDRNOTAVAIL));
  const std::scoped_lock lock(mutex_);
  if (claimed.ip.port == 0) {
    claimed.ip.port = kDynamicFirst;
    while (taken(claimed.ip) && claimed.ip.port != kDynamicLast) ++claimed.ip.port;
  }
  if (taken(claimed.ip)) return base::failure(base::to_errno(EADDRINUSE));
  claimed_.push_back(claimed.ip);
  return claimed;
}

void AddressClaims::disclaim(const base::Address& address) {
  const std::scoped_lock lock(mutex_);
  std::erase(claimed_, address.ip);
}

bool AddressClaims::taken(const base::IpPort& address) const {
  return std::ranges::any_of(claimed_, [&](const base::IpPort& each) {
    return each.family == address.family && each.port == address.port &&
           (same_ip(each, address) || base::is_wildcard(each) || base::is_wildcard(address));
  });
}

bool AddressClaims::ours(const base::IpPort& address) const {
  return std::ranges::any_of(own_, [&](const base::IpPort& each) {
    return each.family == address.family && (same_ip(each, address) || base::is_wildcard(address));
  });
}

}  // namespace backends::dpdk
