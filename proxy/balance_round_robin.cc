#include "proxy/balance_round_robin.h"

#include <vector>

namespace proxy {

namespace {

// With no sessions everybody is tied, and turns alone decide.
std::vector<BalancedEndpoint> without_sessions(std::span<const BalancedEndpoint> endpoints) {
  std::vector<BalancedEndpoint> result(endpoints.begin(), endpoints.end());
  for (BalancedEndpoint& endpoint : result) endpoint.sessions = 0;
  return result;
}

}  // namespace

BalanceRoundRobin::BalanceRoundRobin(std::span<const BalancedEndpoint> endpoints,
                                     std::uint64_t seed)
    : candidates_(endpoints), heap_(without_sessions(endpoints), seed) {}

std::optional<std::uint16_t> BalanceRoundRobin::pick(const PickRequest& request) {
  if (!candidates_.begin(request.tried)) return std::nullopt;
  return heap_.take(candidates_);
}

}  // namespace proxy
