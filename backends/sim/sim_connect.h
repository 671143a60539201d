// How a simulated transport starts a connection: from one of its sources that has a port left, like
// connect(2) with IP_BIND_ADDRESS_NO_PORT. No state; the worker's thread.
#pragma once

#include <cstdint>

#include "backends/sim/sim_network.h"
#include "backends/transport.h"
#include "base/result.h"

namespace backends {

// The socket with this owner and cookie. Errors: EADDRNOTAVAIL when no source of the remote's
// family has a port left. Counts each one that has not in stats.
base::Result<SimSocketId> start_connect(SimNetwork& network, const ConnectSpec& spec,
                                        SimOwner& owner, std::uint64_t cookie,
                                        TransportStats& stats);

}  // namespace backends
