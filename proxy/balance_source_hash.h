// Balancing policy source_hash: a client's IP decides, so all its sessions go to one endpoint as
// long as the endpoints stay the same. Shares are exactly by weight. When an endpoint is added,
// removed or weighted anew, most clients move; policy maglev moves few. Owned by a worker, on its
// thread.
#pragma once

#include <vector>

#include "base/prng.h"
#include "proxy/balancer.h"
#include "proxy/candidates.h"
#include "proxy/weighted_draw.h"

namespace proxy {

class BalanceSourceHash final : public Balancer {
 public:
  // seed: for clients without an IP only.
  BalanceSourceHash(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed);
  std::optional<std::uint16_t> pick(const PickRequest& request) override;

 private:
  std::vector<std::uint16_t> order_;  // By key: the order in the file must not move clients.
  Candidates candidates_;
  WeightedDraw draw_;  // Of places in order_.
  base::Prng prng_;
};

}  // namespace proxy
