// What the limits of an upstream and of an endpoint leave to their pools. Connections of pools are
// connections: while they connect they count as connecting, and together with the sessions they are
// never more than max_sessions. Sessions come first: of max_connecting a pool begins no more than
// half, and of max_sessions it takes what they leave.
//
// Counts are sums over all workers, as the limits are; what other workers have may be a moment old.
// On the worker's thread.
#pragma once

#include <cstdint>

#include "proxy/endpoint_pool.h"

namespace proxy {

// Connects that this worker may begin for the pool now. UINT32_MAX where nothing is limited.
std::uint32_t places_left(const EndpointPool& pool);

// After a connect of the pool's was counted: other workers have been faster, and the limits on
// connecting are passed.
bool too_many_connecting(const EndpointPool& pool);

// Connections that this worker's pool must close, because its upstream or endpoint is full and
// sessions may need the place.
std::uint32_t places_owed(const EndpointPool& pool);

// Sessions and pooled connections together are more than max_sessions: of the endpoint, and of the
// upstream.
bool endpoint_overfull(const EndpointPool& pool);
bool upstream_overfull(const UpstreamPool& pool);

// What other workers do may change the answers.
bool limits_watched(const EndpointPool& pool);

}  // namespace proxy
