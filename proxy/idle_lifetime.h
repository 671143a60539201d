// How long a connection may wait in a pool. Always less than max_age, because a service that closes
// idle connections at that age must not be the first; and not the same for all, because
// connections that were made together at the start would otherwise be replaced together for ever.
#pragma once

#include "base/prng.h"
#include "base/time.h"

namespace proxy {

// In percent of max_age. The last twentieth covers that the service counts from a moment earlier
// than we do: it has the connection before we hear of it.
inline constexpr int kIdleLifetimeMin = 75;
inline constexpr int kIdleLifetimeMax = 95;

// Counted from the moment the connection stood. The same draws give the same lifetimes.
base::Nanos idle_lifetime(base::Nanos max_age, base::Prng& prng);

}  // namespace proxy
