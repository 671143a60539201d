// Balancing policy least_sessions: the endpoint with the fewest sessions per weight; those that are
// tied have their turns by weight (see endpoint_heap.h), so an idle upstream is shared by weight
// too. Owned by a worker, on its thread, and counts that worker's sessions.
#pragma once

#include "proxy/balancer.h"
#include "proxy/candidates.h"
#include "proxy/endpoint_heap.h"

namespace proxy {

class BalanceLeastSessions final : public Balancer {
 public:
  BalanceLeastSessions(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed);
  std::optional<std::uint16_t> pick(const PickRequest& request) override;
  void session_started(std::uint16_t endpoint) override;
  void session_ended(std::uint16_t endpoint) override;

 private:
  Candidates candidates_;
  EndpointHeap heap_;
};

}  // namespace proxy
