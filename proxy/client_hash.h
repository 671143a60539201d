// Where a client's IP address falls when it decides the endpoint: the same number on every worker,
// instance and machine, and after every restart. So there is no secret seed: whoever can choose
// among source addresses could crowd one endpoint, but affinity that changes with the instance
// would be none.
#pragma once

#include <cstdint>

#include "base/address.h"

namespace proxy {

// False for a client of a UNIX socket: its address says nothing about it.
bool has_client_hash(const base::IpPort& client);

// An even 64-bit number. Port and scope do not count, and a v4-mapped address counts as the v4
// address it means. Another `attempt` gives an independent number.
std::uint64_t client_hash(const base::IpPort& client, std::uint64_t attempt);

}  // namespace proxy
