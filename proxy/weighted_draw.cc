#include "proxy/weighted_draw.h"

#include <algorithm>

#include "base/assert.h"

namespace proxy {

namespace {

// number / 2^64 of the way to `end`.
std::uint64_t scaled(std::uint64_t number, std::uint64_t end) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(number) * end) >> 64U);
}

}  // namespace

WeightedDraw::WeightedDraw(std::span<const BalancedEndpoint> endpoints) {
  starts_.reserve(endpoints.size() + 1);
  std::uint64_t sum = 0;
  for (const BalancedEndpoint& endpoint : endpoints) {
    starts_.push_back(sum);
    sum += endpoint.weight;
  }
  starts_.push_back(sum);
}

std::uint16_t WeightedDraw::draw(std::uint64_t number) const {
  CHECK(starts_.back() > 0);
  return endpoint_at(scaled(number, starts_.back()));
}

std::uint16_t WeightedDraw::draw(std::uint64_t number, Candidates& candidates) const {
  const auto excluded = candidates.excluded();
  std::uint64_t left = starts_.back();
  for (const std::uint16_t endpoint : excluded) left -= weight_of(endpoint);
  CHECK(left > 0);
  std::uint64_t point = scaled(number, left);
  for (const std::uint16_t endpoint : excluded) {
    if (starts_[endpoint] > point) break;
    point += weight_of(endpoint);
  }
  return endpoint_at(point);
}

// The last one that starts at the point or before: those without a weight cover nothing.
std::uint16_t WeightedDraw::endpoint_at(std::uint64_t point) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), point);
  return static_cast<std::uint16_t>(after - starts_.begin() - 1);
}

}  // namespace proxy
