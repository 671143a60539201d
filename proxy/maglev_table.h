// The lookup table of Maglev hashing (Eisenbud et al., "Maglev: A Fast and Reliable Software
// Network Load Balancer", NSDI 2016, section 3.4), with weights. Immutable; owned by the config
// snapshot and read by all workers. Built by the main thread, because a build takes milliseconds.
//
// It is made of keys and weights only: the order of the endpoints, the machine and the process do
// not matter. When endpoints come or go, few entries of the others change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/balancer.h"

namespace proxy {

class MaglevTable {
 public:
  // A prime, more than a hundred times the endpoints we expect (the paper's advice), so that each
  // gets its share to about one percent. 128 KiB a table.
  static constexpr std::size_t kSize = 65537;

  explicit MaglevTable(std::span<const BalancedEndpoint> endpoints);

  // True when no endpoint has a weight. Then at() must not be called.
  bool empty() const { return entries_.empty(); }

  // The endpoint of an entry. entry < kSize.
  std::uint16_t at(std::size_t entry) const { return entries_[entry]; }

 private:
  std::vector<std::uint16_t> entries_;
};

}  // namespace proxy
