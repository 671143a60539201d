// The endpoints that one pick may still choose: those with a weight, less the tried ones. Part of a
// balancer, on its worker's thread; begin() costs the tried ones only, and nothing allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/balancer.h"

namespace proxy {

class Candidates {
 public:
  explicit Candidates(std::span<const BalancedEndpoint> endpoints);

  // Starts a pick over: everybody with a weight, but these. False when nobody is left.
  bool begin(std::span<const std::uint16_t> tried);

  // Leaves one more out until the next begin(). False when nobody is left.
  bool exclude(std::uint16_t endpoint);

  bool has(std::uint16_t endpoint) const { return excluded_in_[endpoint] < round_; }

  // Who was left out since begin(), each once, in ascending order. Valid until the next call.
  std::span<const std::uint16_t> excluded();

  std::size_t size() const { return excluded_in_.size(); }

 private:
  // The round (call of begin) in which an endpoint was last left out: so a new round need not clean
  // up after the old one.
  std::vector<std::uint64_t> excluded_in_;
  std::vector<std::uint16_t> excluded_;
  std::uint64_t round_ = 0;
  std::size_t weighted_ = 0;  // Endpoints with a weight.
};

}  // namespace proxy
