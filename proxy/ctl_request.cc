#include "proxy/ctl_request.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace proxy {
namespace {

using nlohmann::json;

std::string with_query(std::string path,
                       const std::vector<std::pair<std::string_view, std::string>>& query) {
  char separator = '?';
  for (const auto& [key, value] : query) {
    if (value.empty()) continue;
    path += separator;
    path.append(key).append("=").append(percent_encoded(value));
    separator = '&';
  }
  return path;
}

CtlRequest endpoint_order(const CtlOptions& options) {
  json body;
  if (options.order != "weight") {
    body["state"] = options.order;
  } else if (options.weight == "default") {
    body["weight"] = nullptr;
  } else {
    body["weight"] = std::stoul(options.weight);  // The command line took numbers only.
  }
  return {.method = "POST",
          .target = "/v1/upstreams/" + percent_encoded(options.upstream) + "/endpoints/" +
                    percent_encoded(options.endpoint),
          .body = body.dump()};
}

CtlRequest drain_order(const CtlOptions& options) {
  json body = json::object();
  if (!options.drain_for.empty()) body["for"] = options.drain_for;
  // A word of a command line may be no UTF-8; the API says what would be right.
  return {.method = "POST",
          .target = "/v1/drain",
          .body = body.dump(-1, ' ', false, json::error_handler_t::replace)};
}

CtlRequest get(std::string target) {
  return {.method = "GET", .target = std::move(target), .body = {}};
}

}  // namespace

CtlRequest request_of(const CtlOptions& options, const std::string& file_text) {
  switch (options.action) {
    case CtlAction::kStatus:
      return get("/v1/status");
    case CtlAction::kShowConfig:
      return get("/v1/config");
    case CtlAction::kDiffConfig:
      return {.method = "POST", .target = "/v1/config/diff", .body = file_text};
    case CtlAction::kListeners:
      return get("/v1/listeners");
    case CtlAction::kUpstreams:
      return get("/v1/upstreams");
    case CtlAction::kEndpoints:
      return get(options.upstream.empty() ? "/v1/endpoints"
                                          : "/v1/upstreams/" + percent_encoded(options.upstream));
    case CtlAction::kPools:
      return get("/v1/pools");
    case CtlAction::kWorkers:
      return get("/v1/workers");
    case CtlAction::kOrderEndpoint:
      return endpoint_order(options);
    case CtlAction::kSessions:
      return page_request(options, options.limit, {});
    case CtlAction::kShowSession:
      return get("/v1/sessions/" + percent_encoded(options.id));
    case CtlAction::kEndSession:
      return {
          .method = "DELETE", .target = "/v1/sessions/" + percent_encoded(options.id), .body = {}};
    case CtlAction::kEndSessions:
      return {.method = "DELETE",
              .target = with_query(
                  "/v1/sessions", {{"upstream", options.upstream}, {"endpoint", options.endpoint}}),
              .body = {}};
    case CtlAction::kReload:
      return {.method = "POST",
              .target = "/v1/reload",
              .body = json{{"overrides", options.keep_overrides ? "keep" : "drop"}}.dump()};
    case CtlAction::kDrain:
      return drain_order(options);
    case CtlAction::kShowLogLevel:
      return get("/v1/log");
    case CtlAction::kSetLogLevel:
      return {.method = "PUT", .target = "/v1/log", .body = json{{"level", options.level}}.dump()};
  }
  CHECK(false);
}

CtlRequest page_request(const CtlOptions& options, std::size_t limit, const std::string& cursor) {
  return get(with_query("/v1/sessions", {{"listener", options.listener},
                                         {"upstream", options.upstream},
                                         {"endpoint", options.endpoint},
                                         {"client", options.client},
                                         {"limit", std::to_string(limit)},
                                         {"cursor", cursor}}));
}

}  // namespace proxy
