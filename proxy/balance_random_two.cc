#include "proxy/balance_random_two.h"

#include "base/assert.h"

namespace proxy {

BalanceRandomTwo::BalanceRandomTwo(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed)
    : endpoints_(endpoints.begin(), endpoints.end()),
      candidates_(endpoints),
      draw_(endpoints),
      prng_(seed) {}

std::optional<std::uint16_t> BalanceRandomTwo::pick(const PickRequest& request) {
  if (!candidates_.begin(request.tried)) return std::nullopt;
  const std::uint16_t first = draw_.draw(prng_.next(), candidates_);
  if (!candidates_.exclude(first)) return first;
  const std::uint16_t second = draw_.draw(prng_.next(), candidates_);
  const BalancedEndpoint& one = endpoints_[first];
  const BalancedEndpoint& other = endpoints_[second];
  // A tie goes to the first draw, which keeps an idle upstream's shares exactly by weight.
  const bool other_is_freer =
      std::uint64_t{other.sessions} * one.weight < std::uint64_t{one.sessions} * other.weight;
  return other_is_freer ? second : first;
}

void BalanceRandomTwo::session_started(std::uint16_t endpoint) { ++endpoints_[endpoint].sessions; }

void BalanceRandomTwo::session_ended(std::uint16_t endpoint) {
  CHECK(endpoints_[endpoint].sessions > 0);
  --endpoints_[endpoint].sessions;
}

}  // namespace proxy
