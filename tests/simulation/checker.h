// What must hold of every run of the proxy, whatever the clients, the upstreams, the network and
// the operator did. Called once, after World::stop().
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace simulation {

// What happened that excuses what would otherwise be wrong.
struct Excuses {
  std::set<std::uint64_t> cut;  // Far ends (numbers) whose link went silent.
  bool exhausted = false;       // Descriptors or memory ran out at some time.
  bool drained = false;         // A drain cut sessions off.
  bool connects_fail = false;   // Some endpoint refuses, is silent, unreachable or resets.
  bool no_endpoint = false;     // Some upstream has no endpoint that may be used.
  bool limited = false;         // Some upstream or endpoint has a limit, and perhaps a queue.
  bool pooled = false;          // Some upstream has a pool.
  bool removed = false;         // A reload removed an endpoint or an upstream with sessions.
  bool checks_send = false;     // Health checks send bytes to upstream ends, outside any session.
};

// Every broken promise as a sentence; nothing when all is well.
std::vector<std::string> check(World& world, const config::Timeouts& timeouts,
                               const Excuses& excuses);

}  // namespace simulation
