// What the admin API can be asked: the one table of methods and paths. docs/admin-api.openapi.json
// describes the same, and a test compares the two. Constants; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace proxy {

enum class AdminAction : std::uint8_t {
  kShowStatus,
  kShowConfig,
  kDiffConfig,
  kListListeners,
  kListUpstreams,
  kShowUpstream,
  kListEndpoints,
  kListPools,
  kListWorkers,
  kOverrideEndpoint,
  kListSessions,
  kShowSession,
  kEndSession,
  kEndSessions,
  kReload,
  kDrain,
  kShowLog,
  kSetLog,
  kShowOpenApi
};

struct AdminRoute {
  std::string_view method;
  std::string_view pattern;  // "/v1/upstreams/{name}": braces stand for one part of a path.
  AdminAction action;
  std::size_t body_bytes_max = 0;              // 0: it takes none.
  std::array<std::string_view, 6> query = {};  // The keys it takes; empty ones mean nothing.

  bool changes_something() const { return method != "GET" && action != AdminAction::kDiffConfig; }
};

std::span<const AdminRoute> admin_routes();

struct AdminMatch {
  const AdminRoute* route = nullptr;
  std::vector<std::string> names;  // What the braces of its pattern stand for, in order.
  std::string allow;  // Without a route: the methods that the path takes; empty: no such path.
};

// A HEAD matches what GET does.
AdminMatch match(std::string_view method, const std::vector<std::string>& segments);

}  // namespace proxy
