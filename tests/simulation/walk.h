// A random walk of the whole proxy: a seed chooses the workers, the network, the configuration, the
// endpoints' manners, what every client and upstream does and when, the faults of the transports,
// and what the operator does meanwhile. The checker looks at the result; nothing is expected but
// what must always hold.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/simulation/checker.h"
#include "tests/simulation/world.h"

namespace simulation {

struct WalkResult {
  std::vector<std::string> failures;
  std::uint64_t trace_hash = 0;
  std::uint64_t sessions = 0;
  std::uint64_t bytes = 0;
};

// trace: where the text goes, or null.
WalkResult walk(std::uint64_t seed, std::FILE* trace);

}  // namespace simulation
