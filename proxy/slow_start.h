// How much of its weight an endpoint gets while it warms up: after it was unhealthy or ejected,
// when a reload has added it or given it a weight again; never at the start of the process. Pure
// functions of times; the upstream applies them.
//
// Policies that weigh endpoints against each other (round_robin, least_sessions, random_two) see
// the endpoint with a growing weight, in kSlowStartSteps steps: each step makes a new balancer.
// Policies that go by the client's address or by the file's order (source_hash, maglev, first) must
// not move everybody at every step. They keep the full weight, and the endpoint takes a growing
// part of the clients that would be its own: each client by its address, so that one who was
// let in stays in, on every worker. The others go where they would go if it were down.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/time.h"
#include "config/config.h"

namespace proxy {

inline constexpr std::uint32_t kSlowStartSteps = 20;
// Shares are in thousandths.
inline constexpr std::uint32_t kWhole = 1000;

// The share at `now` of an endpoint whose slow start began at `since` (kForever: it has none). One
// step at first, the whole after `duration`.
std::uint32_t slow_start_share(base::Nanos since, base::Nanos duration, base::Nanos now);

// When the share changes next; kForever: not any more.
base::Nanos next_slow_start_step(base::Nanos since, base::Nanos duration, base::Nanos now);

// Whether the balancing policy weighs, as above.
bool weighs(config::Balance policy);

// Whether a client is among those that an endpoint with this share takes already. otherwise: an
// even number that decides for clients without an IP.
bool takes_client(const base::IpPort& client, std::uint32_t share, std::uint64_t otherwise);

}  // namespace proxy
