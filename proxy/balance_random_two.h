// Balancing policy random_two: two different endpoints are drawn by weight, and the one with fewer
// sessions per weight gets the session (Mitzenmacher, "The Power of Two Choices", 2001). Nearly as
// even as least_sessions, and many proxies with their own counts do not all run to the same idle
// endpoint. Owned by a worker, on its thread, and counts that worker's sessions.
#pragma once

#include <vector>

#include "base/prng.h"
#include "proxy/balancer.h"
#include "proxy/candidates.h"
#include "proxy/weighted_draw.h"

namespace proxy {

class BalanceRandomTwo final : public Balancer {
 public:
  BalanceRandomTwo(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed);
  std::optional<std::uint16_t> pick(const PickRequest& request) override;
  void session_started(std::uint16_t endpoint) override;
  void session_ended(std::uint16_t endpoint) override;

 private:
  std::vector<BalancedEndpoint> endpoints_;  // Their sessions are up to date.
  Candidates candidates_;
  WeightedDraw draw_;
  base::Prng prng_;
};

}  // namespace proxy
