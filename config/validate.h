// What only the whole configuration can tell: names that clash or lead nowhere, addresses that
// overlap, endpoints that lead back to ourselves. Loading thread.
#pragma once

#include "config/config.h"
#include "config/problem.h"

namespace config {

// Reports every fault, and completes the config: UpstreamRef::index and Bind::v6_only. Fields that
// could not be read (empty names, addresses without a family) are passed over: they have been
// reported.
void validate(Config& config, Problems& problems);

}  // namespace config
