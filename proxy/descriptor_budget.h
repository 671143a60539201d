// Shares the process's file descriptors out among the workers and the monitor. On the main thread,
// before they start.
#pragma once

#include <cstddef>

#include "backends/transport_factory.h"

namespace proxy {

// Raises RLIMIT_NOFILE to its hard limit, as every proxy does, and returns what it is then.
std::size_t raise_descriptor_limit();

// How many of that many descriptors health checks may take at one time.
std::size_t share_of_checks(std::size_t descriptors);

// What each of the workers may use of that many descriptors: two for each session, some for pipes
// and for pools, and a reserve for everything that is not a session (logs, listeners, the metrics
// port, checks).
backends::TransportOptions share_of_descriptors(std::size_t descriptors, std::size_t workers);

// clients_max from connections_max: what is left is for pools.
void share_connections(backends::TransportOptions& options);

// What is left for pools when every client has its upstream connection.
std::size_t pooled_max(const backends::TransportOptions& options);

}  // namespace proxy
