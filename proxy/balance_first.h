// Balancing policy first: the first endpoint in the file's order that has a weight and is left. The
// others are spares. Owned by a worker, on its thread.
#pragma once

#include "proxy/balancer.h"
#include "proxy/candidates.h"

namespace proxy {

class BalanceFirst final : public Balancer {
 public:
  explicit BalanceFirst(std::span<const BalancedEndpoint> endpoints) : candidates_(endpoints) {}
  std::optional<std::uint16_t> pick(const PickRequest& request) override;

 private:
  Candidates candidates_;
};

}  // namespace proxy
