#include "proxy/balance_source_hash.h"

#include <algorithm>
#include <numeric>

#include "proxy/client_hash.h"

namespace proxy {

namespace {

// Rehashing finds one of few tried endpoints' neighbours at once. Where most of the weight has been
// tried it may not, and then we go on in order.
constexpr std::uint64_t kHashes = 16;

std::vector<std::uint16_t> ordered_by_key(std::span<const BalancedEndpoint> endpoints) {
  std::vector<std::uint16_t> order(endpoints.size());
  std::iota(order.begin(), order.end(), std::uint16_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::uint16_t a, std::uint16_t b) {
    return endpoints[a].key < endpoints[b].key;
  });
  return order;
}

std::vector<BalancedEndpoint> in_order(std::span<const BalancedEndpoint> endpoints,
                                       const std::vector<std::uint16_t>& order) {
  std::vector<BalancedEndpoint> result;
  result.reserve(order.size());
  for (const std::uint16_t endpoint : order) result.push_back(endpoints[endpoint]);
  return result;
}

}  // namespace

BalanceSourceHash::BalanceSourceHash(std::span<const BalancedEndpoint> endpoints,
                                     std::uint64_t seed)
    : order_(ordered_by_key(endpoints)),
      candidates_(endpoints),
      draw_(in_order(endpoints, order_)),
      prng_(seed) {}

std::optional<std::uint16_t> BalanceSourceHash::pick(const PickRequest& request) {
  if (!candidates_.begin(request.tried)) return std::nullopt;
  const bool hashed = has_client_hash(request.client);
  std::size_t place = 0;
  for (std::uint64_t attempt = 0; attempt < kHashes; ++attempt) {
    place = draw_.draw(hashed ? client_hash(request.client, attempt) : prng_.next());
    if (candidates_.has(order_[place])) return order_[place];
  }
  while (!candidates_.has(order_[place])) place = (place + 1) % order_.size();
  return order_[place];
}

}  // namespace proxy
