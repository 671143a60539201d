// The admin API's documents as `millrace ctl` prints them for people. Pure functions; what a
// document lacks is printed as a dash, because it may be of another version.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "proxy/ctl_options.h"

namespace proxy {

// With a newline at its end; lists are tables. document is what the API answered to the action.
std::string ctl_text(const CtlOptions& options, const nlohmann::json& document);

// The problems of a configuration, a line each: "FILE:12:3: error: what would be right".
std::string problems_text(const std::string& file, const nlohmann::json& problems);

}  // namespace proxy
