// Which endpoint of an upstream a new session goes to. One balancer for each upstream, owned by a
// worker and used by its thread alone: workers do not share counts, so no pick waits for another
// core. The policies are one file each (balance_*.cc).
//
// After construction nothing allocates. An endpoint is its index in the upstream's list, and the
// list never changes: a reload makes a new balancer and tells it the sessions that go on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.h"
#include "config/config.h"

namespace proxy {

class MaglevTable;

struct BalancedEndpoint {
  std::uint32_t weight = 1;    // Relative share; 0: never picked.
  std::uint64_t key = 0;       // balancing_key() of its address.
  std::uint32_t sessions = 0;  // Active on this worker now: not zero after a reload.
};

// The name of an endpoint in consistent hashing: a hash of its address text, the same on every
// machine and in every version.
std::uint64_t balancing_key(std::string_view address);

struct PickRequest {
  base::IpPort client;
  // Endpoints not to pick: those this session has tried, and those that are full. Any order;
  // repetitions, and indices past the list (from before a reload), do no harm.
  std::span<const std::uint16_t> tried;
};

class Balancer {
 public:
  Balancer() = default;
  Balancer(const Balancer&) = delete;
  Balancer& operator=(const Balancer&) = delete;
  virtual ~Balancer() = default;

  // Nothing when every endpoint that has a weight is in `tried`.
  virtual std::optional<std::uint16_t> pick(const PickRequest& request) = 0;

  // Each session between its pick and its end, the time it connects included: a burst of picks must
  // see each other. A failed attempt has ended. Policies that do not count sessions ignore both.
  virtual void session_started(std::uint16_t /*endpoint*/) {}
  virtual void session_ended(std::uint16_t /*endpoint*/) {}
};

// round_robin     smooth and weighted: no endpoint gets its share in a burst
// least_sessions  fewest sessions per weight; a tie goes round by weight. Counts are this worker's,
//                 so over W workers an endpoint may be W sessions away from the exact answer
// random_two      two draws by weight, the one with fewer sessions per weight wins
// source_hash     by the client's IP (no port), shares by weight; most clients move when the
//                 endpoints change
// maglev          by the client's IP (no port), the same on every instance; few clients move
// first           the first one in the file that is left
//
// A client without an IP (UNIX socket) is placed at random by weight where the IP decides.
// seed: another one for each worker, so that workers do not move in step. Policies by client do not
//       depend on it: all workers, instances and restarts agree.
// maglev: for that policy the table made of these endpoints, which outlives the balancer; null for
//         the others.
// At most 65,535 endpoints.
std::unique_ptr<Balancer> make_balancer(config::Balance policy,
                                        std::span<const BalancedEndpoint> endpoints,
                                        const MaglevTable* maglev, std::uint64_t seed);

}  // namespace proxy
