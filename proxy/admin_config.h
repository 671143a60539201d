// The configuration through the admin API: what is in force, and what a candidate would change.
// Main thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "metrics/http_site.h"
#include "proxy/overrides.h"
#include "proxy/snapshot.h"

namespace proxy {

// [{"line":4,"column":9,"text":"..."}]
nlohmann::json problems_json(const std::vector<config::Problem>& problems);

metrics::HttpReply show_config(const Snapshot& snapshot, const Overrides& overrides,
                               const std::string& file);

// candidate: the text of a whole file. A candidate with errors is an answer, not an error.
metrics::HttpReply diff_config(const Snapshot& snapshot, std::string_view candidate);

}  // namespace proxy
