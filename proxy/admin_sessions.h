// Live sessions through the admin API: a page of those that fit, one, and their end. Main thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "metrics/http_site.h"
#include "proxy/instance.h"
#include "proxy/session_view.h"

namespace proxy {

// Keys and values of a request's query.
using AdminQuery = std::vector<std::pair<std::string, std::string>>;

// What a page of sessions is asked with: `limit` and `cursor`, the rest is the filter.
struct SessionQuery {
  SessionFilter filter;
  std::size_t rows_max = 100;
  SessionCursor from;
};
inline constexpr std::size_t kSessionRowsMax = 1000;

// The error names the key and says what would be right.
base::Parsed<SessionQuery> session_query_of(const AdminQuery& query);

// One session as the API shows it. Durations are in seconds; what has not happened is null.
nlohmann::json session_json(const SessionRow& row);

metrics::HttpReply list_sessions(Instance& instance, const AdminQuery& query);
metrics::HttpReply show_session(Instance& instance, const std::string& id);
// Resets both sides. actor="admin", cause="reset".
metrics::HttpReply end_session(Instance& instance, const std::string& id);
// All of one endpoint: {"ended": 12}.
metrics::HttpReply end_sessions(Instance& instance, const AdminQuery& query);

}  // namespace proxy
