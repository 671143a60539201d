#include "proxy/tiers.h"

#include <algorithm>
#include <cstdint>

namespace proxy {

std::size_t sort_into_tiers(const std::vector<std::unique_ptr<Endpoint>>& endpoints,
                            config::AllDown all_down) {
  const bool anybody_well = std::any_of(endpoints.begin(), endpoints.end(),
                                        [](const auto& endpoint) { return endpoint->well; });
  const bool all = !anybody_well && all_down == config::AllDown::kTryAll;
  const auto usable = [all](const Endpoint& endpoint) {
    return endpoint.well || (all && endpoint.weight > 0);
  };
  std::vector<std::uint32_t> priorities;
  for (const auto& endpoint : endpoints) {
    if (usable(*endpoint)) priorities.push_back(endpoint->priority);
  }
  std::sort(priorities.begin(), priorities.end());
  priorities.erase(std::unique(priorities.begin(), priorities.end()), priorities.end());
  priorities.resize(std::min(priorities.size(), kTiersMax));
  for (const auto& endpoint : endpoints) {
    endpoint->tier = kNoTier;
    if (!usable(*endpoint)) continue;
    const auto found = std::find(priorities.begin(), priorities.end(), endpoint->priority);
    if (found == priorities.end()) continue;
    endpoint->tier = static_cast<std::uint16_t>(found - priorities.begin());
  }
  return priorities.size();
}

}  // namespace proxy
