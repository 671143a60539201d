// Which endpoints of an upstream may get new sessions, and in which order of preference. A pure
// function of the endpoints; on the worker's thread, when a snapshot or a verdict has changed.
//
// An endpoint is well when it has a weight and its verdict is healthy and not ejected. Those of the
// lowest priority number make the first tier, those of the next one the second, and so on. A
// session goes to the first tier; only when it has tried everybody there, it goes down to the next.
// When nobody is well, all_down decides: no tiers at all, or tiers of everybody with a weight.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "config/config.h"
#include "proxy/endpoint.h"

namespace proxy {

// A session tries so many endpoints at most and each tier has at least one, so no session would see
// a further tier.
inline constexpr std::size_t kTiersMax = config::kAttemptsMax;

// Sets `tier` of each endpoint from its `well`. How many tiers there are.
std::size_t sort_into_tiers(const std::vector<std::unique_ptr<Endpoint>>& endpoints,
                            config::AllDown all_down);

}  // namespace proxy
