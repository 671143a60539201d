#include "proxy/candidates.h"

#include <algorithm>
#include <limits>

namespace proxy {

namespace {

// In no round will an endpoint without a weight be a candidate.
constexpr std::uint64_t kForGood = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Candidates::Candidates(std::span<const BalancedEndpoint> endpoints) {
  excluded_in_.reserve(endpoints.size());
  excluded_.reserve(endpoints.size());
  for (const BalancedEndpoint& endpoint : endpoints) {
    excluded_in_.push_back(endpoint.weight == 0 ? kForGood : 0);
    if (endpoint.weight != 0) ++weighted_;
  }
}

bool Candidates::begin(std::span<const std::uint16_t> tried) {
  ++round_;
  excluded_.clear();
  for (const std::uint16_t endpoint : tried) {
    if (endpoint < excluded_in_.size()) exclude(endpoint);
  }
  return excluded_.size() < weighted_;
}

bool Candidates::exclude(std::uint16_t endpoint) {
  if (has(endpoint)) {
    excluded_in_[endpoint] = round_;
    excluded_.push_back(endpoint);
  }
  return excluded_.size() < weighted_;
}

std::span<const std::uint16_t> Candidates::excluded() {
  std::sort(excluded_.begin(), excluded_.end());
  return excluded_;
}

}  // namespace proxy
