// Sessions that would go round for ever: a listener whose upstream has an endpoint that is a
// listener of the same file, and so on back to where it began. Chains of listeners are legal; only
// circles are refused. Loading thread.
#pragma once

#include "config/config.h"
#include "config/problem.h"

namespace config {

// Reports the endpoint that closes each circle. UpstreamRef::index must be set wherever the name is
// one of an upstream. Linear in listeners and endpoints.
void refuse_loops(const Config& config, Problems& problems);

}  // namespace config
