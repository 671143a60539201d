#include "proxy/admin_routes.h"

#include <algorithm>
#include <optional>

namespace proxy {
namespace {

// A candidate's YAML text; the loader has a bound of its own, which is lower.
constexpr std::size_t kConfigBytesMax = std::size_t{8} << 20U;
// Orders of a few words.
constexpr std::size_t kOrderBytesMax = std::size_t{64} << 10U;

constexpr std::array kRoutes = {
    AdminRoute{"GET", "/v1/status", AdminAction::kShowStatus},
    AdminRoute{"GET", "/v1/config", AdminAction::kShowConfig},
    AdminRoute{"POST", "/v1/config/diff", AdminAction::kDiffConfig, kConfigBytesMax},
    AdminRoute{"GET", "/v1/listeners", AdminAction::kListListeners},
    AdminRoute{"GET", "/v1/upstreams", AdminAction::kListUpstreams},
    AdminRoute{"GET", "/v1/upstreams/{name}", AdminAction::kShowUpstream},
    AdminRoute{"GET", "/v1/endpoints", AdminAction::kListEndpoints},
    AdminRoute{"GET", "/v1/pools", AdminAction::kListPools},
    AdminRoute{"GET", "/v1/workers", AdminAction::kListWorkers},
    AdminRoute{"POST", "/v1/upstreams/{name}/endpoints/{address}", AdminAction::kOverrideEndpoint,
               kOrderBytesMax},
    AdminRoute{"GET",
               "/v1/sessions",
               AdminAction::kListSessions,
               0,
               {"listener", "upstream", "endpoint", "client", "limit", "cursor"}},
    AdminRoute{"DELETE", "/v1/sessions", AdminAction::kEndSessions, 0, {"upstream", "endpoint"}},
    AdminRoute{"GET", "/v1/sessions/{id}", AdminAction::kShowSession},
    AdminRoute{"DELETE", "/v1/sessions/{id}", AdminAction::kEndSession},
    AdminRoute{"POST", "/v1/reload", AdminAction::kReload, kOrderBytesMax},
    AdminRoute{"POST", "/v1/drain", AdminAction::kDrain, kOrderBytesMax},
    AdminRoute{"GET", "/v1/log", AdminAction::kShowLog},
    AdminRoute{"PUT", "/v1/log", AdminAction::kSetLog, kOrderBytesMax},
    AdminRoute{"GET", "/v1/openapi.json", AdminAction::kShowOpenApi},
};

// What the braces stand for, when the path fits the pattern.
std::optional<std::vector<std::string>> fit(std::string_view pattern,
                                            const std::vector<std::string>& segments) {
  std::vector<std::string> names;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    pattern.remove_prefix(1);  // The slash.
    const std::string_view part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    if (part.starts_with('{')) {
      names.push_back(segment);
    } else if (part != segment) {
      return std::nullopt;
    }
  }
  if (!pattern.empty()) return std::nullopt;
  return names;
}

}  // namespace

std::span<const AdminRoute> admin_routes() { return kRoutes; }

AdminMatch match(std::string_view method, const std::vector<std::string>& segments) {
  AdminMatch found;
  for (const AdminRoute& route : kRoutes) {
    auto names = fit(route.pattern, segments);
    if (!names) continue;
    if (route.method == method || (route.method == "GET" && method == "HEAD")) {
      return {.route = &route, .names = *std::move(names), .allow = {}};
    }
    if (!found.allow.empty()) found.allow += ", ";
    found.allow += route.method == "GET" ? "GET, HEAD" : route.method;
  }
  return found;
}

}  // namespace proxy
