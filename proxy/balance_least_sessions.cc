#include "proxy/balance_least_sessions.h"

namespace proxy {

BalanceLeastSessions::BalanceLeastSessions(std::span<const BalancedEndpoint> endpoints,
                                           std::uint64_t seed)
    : candidates_(endpoints), heap_(endpoints, seed) {}

std::optional<std::uint16_t> BalanceLeastSessions::pick(const PickRequest& request) {
  if (!candidates_.begin(request.tried)) return std::nullopt;
  return heap_.take(candidates_);
}

void BalanceLeastSessions::session_started(std::uint16_t endpoint) {
  heap_.session_started(endpoint);
}

void BalanceLeastSessions::session_ended(std::uint16_t endpoint) { heap_.session_ended(endpoint); }

}  // namespace proxy
