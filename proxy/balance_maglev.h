// Balancing policy maglev: a client's IP decides, through a table that is the same on every
// instance (see maglev_table.h). So a client finds the same endpoint whichever instance its traffic
// is routed to, and few clients move when endpoints come or go. Owned by a worker, on its thread;
// the table is the config snapshot's.
#pragma once

#include "base/prng.h"
#include "proxy/balancer.h"
#include "proxy/candidates.h"
#include "proxy/maglev_table.h"

namespace proxy {

class BalanceMaglev final : public Balancer {
 public:
  // seed: for clients without an IP only.
  BalanceMaglev(std::span<const BalancedEndpoint> endpoints, const MaglevTable& table,
                std::uint64_t seed);
  std::optional<std::uint16_t> pick(const PickRequest& request) override;

 private:
  Candidates candidates_;
  const MaglevTable* table_;
  base::Prng prng_;
};

}  // namespace proxy
