// Turns an even 64-bit number into an endpoint, each with the chance its weight gives it. Part of a
// balancer, on its worker's thread. O(log n), plus the endpoints that are left out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proxy/balancer.h"
#include "proxy/candidates.h"

namespace proxy {

class WeightedDraw {
 public:
  explicit WeightedDraw(std::span<const BalancedEndpoint> endpoints);

  // Among all endpoints. One must have a weight.
  std::uint16_t draw(std::uint64_t number) const;

  // Among the candidates, exactly: by leaving their intervals out, not by drawing again, which
  // would have no bound where one endpoint has nearly all the weight. There must be a candidate.
  std::uint16_t draw(std::uint64_t number, Candidates& candidates) const;

 private:
  std::uint64_t weight_of(std::uint16_t endpoint) const {
    return starts_[endpoint + std::size_t{1}] - starts_[endpoint];
  }
  std::uint16_t endpoint_at(std::uint64_t point) const;

  // Endpoint i covers [starts_[i], starts_[i + 1]) of the line up to the sum of all weights.
  std::vector<std::uint64_t> starts_;
};

}  // namespace proxy
