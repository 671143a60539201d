// Balancing policy round_robin: endpoints have their turns by weight, spread evenly (see
// endpoint_heap.h). Owned by a worker, on its thread.
#pragma once

#include "proxy/balancer.h"
#include "proxy/candidates.h"
#include "proxy/endpoint_heap.h"

namespace proxy {

class BalanceRoundRobin final : public Balancer {
 public:
  BalanceRoundRobin(std::span<const BalancedEndpoint> endpoints, std::uint64_t seed);
  std::optional<std::uint16_t> pick(const PickRequest& request) override;

 private:
  Candidates candidates_;
  EndpointHeap heap_;
};

}  // namespace proxy
