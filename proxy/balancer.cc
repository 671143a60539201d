#include "proxy/balancer.h"

#include <xxhash.h>

#include <limits>

#include "base/assert.h"
#include "proxy/balance_first.h"
#include "proxy/balance_least_sessions.h"
#include "proxy/balance_maglev.h"
#include "proxy/balance_random_two.h"
#include "proxy/balance_round_robin.h"
#include "proxy/balance_source_hash.h"

namespace proxy {

// XXH64's result is fixed for good, which a name that several machines share needs.
std::uint64_t balancing_key(std::string_view address) {
  return XXH64(address.data(), address.size(), 0);
}

std::unique_ptr<Balancer> make_balancer(config::Balance policy,
                                        std::span<const BalancedEndpoint> endpoints,
                                        const MaglevTable* maglev, std::uint64_t seed) {
  CHECK(endpoints.size() <= std::numeric_limits<std::uint16_t>::max());
  switch (policy) {
    case config::Balance::kRoundRobin:
      return std::make_unique<BalanceRoundRobin>(endpoints, seed);
    case config::Balance::kLeastSessions:
      return std::make_unique<BalanceLeastSessions>(endpoints, seed);
    case config::Balance::kRandomTwo:
      return std::make_unique<BalanceRandomTwo>(endpoints, seed);
    case config::Balance::kSourceHash:
      return std::make_unique<BalanceSourceHash>(endpoints, seed);
    case config::Balance::kMaglev:
      CHECK(maglev != nullptr);
      return std::make_unique<BalanceMaglev>(endpoints, *maglev, seed);
    case config::Balance::kFirst:
      return std::make_unique<BalanceFirst>(endpoints);
  }
  CHECK(false);  // A value that names no policy.
}

}  // namespace proxy
