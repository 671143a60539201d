// Which keys of a listener, an upstream, an endpoint or a section differ between two
// configurations, for people who ask what a reload would do. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace config {

// Names as paths ("timeouts.idle"), in the order of the configuration's reference. A section that
// is there on one side only is one name ("health"), and so is a list of mappings ("endpoints").
std::vector<std::string> changed_keys(const Listener& old, const Listener& next);
std::vector<std::string> changed_keys(const Upstream& old, const Upstream& next);
std::vector<std::string> changed_keys(const Endpoint& old, const Endpoint& next);
std::vector<std::string> changed_keys(const Log& old, const Log& next);
std::vector<std::string> changed_keys(const Shutdown& old, const Shutdown& next);
std::vector<std::string> changed_keys(const Admin& old, const Admin& next);

}  // namespace config
