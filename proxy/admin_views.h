// The parts of the status document that the admin API gives by themselves. Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace proxy {

// {"listeners": [...]}: one list of the document; key is there.
nlohmann::json list_of(const nlohmann::json& status, const char* key);

// The upstream of that name; unset: there is none.
std::optional<nlohmann::json> upstream_of(const nlohmann::json& status, const std::string& name);

// An endpoint of it, with "upstream" in it; unset: there is none.
std::optional<nlohmann::json> endpoint_of(const nlohmann::json& status, const std::string& upstream,
                                          const std::string& address);

// {"endpoints": [...]} and {"pools": [...]} of all upstreams, each with "upstream" in it.
nlohmann::json endpoints_of(const nlohmann::json& status);
nlohmann::json pools_of(const nlohmann::json& status);

}  // namespace proxy
