#include "proxy/overrides.h"

#include <iterator>

#include "base/assert.h"

namespace proxy {

std::string_view name(AdminState state) {
  switch (state) {
    case AdminState::kReady:
      return "ready";
    case AdminState::kDrain:
      return "drain";
    case AdminState::kMaintenance:
      return "maintenance";
  }
  base::check_failed(__FILE__, __LINE__, "an admin state of the enum");
}

std::string to_text(const EndpointOverride& value) {
  std::string text(name(value.state));
  if (value.weight) text.append(", weight ").append(std::to_string(*value.weight));
  return text;
}

const EndpointOverride* Overrides::find(const std::string& upstream,
                                        const std::string& endpoint) const {
  if (all_.empty()) return nullptr;  // The usual case, for each endpoint of a reload.
  const auto found = all_.find({upstream, endpoint});
  return found != all_.end() ? &found->second : nullptr;
}

base::Parsed<void> Overrides::set(const std::string& upstream, const std::string& endpoint,
                                  EndpointOverride value) {
  if (value.weight && *value.weight > kWeightMax) {
    return base::failure("weight " + std::to_string(*value.weight) + " is too large: 0 to " +
                         std::to_string(kWeightMax));
  }
  const Key key{upstream, endpoint};
  if (value.empty()) {
    all_.erase(key);
    return {};
  }
  if (all_.size() >= kMax && !all_.contains(key)) {
    return base::failure("there are " + std::to_string(kMax) +
                         " overrides already: take some away, or put them into the configuration");
  }
  all_[key] = value;
  return {};
}

Overrides::Map Overrides::keep_if(const std::function<bool(const Key&)>& stays) {
  Map gone;
  for (auto it = all_.begin(); it != all_.end();) {
    const auto next = std::next(it);
    if (!stays(it->first)) gone.insert(all_.extract(it));
    it = next;
  }
  return gone;
}

}  // namespace proxy
