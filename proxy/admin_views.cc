#include "proxy/admin_views.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace proxy {
namespace {

using nlohmann::json;

json with_upstream(json of, const json& upstream) {
  of["upstream"] = upstream["name"];
  return of;
}

}  // namespace

json list_of(const json& status, const char* key) { return {{key, status.at(key)}}; }

std::optional<json> upstream_of(const json& status, const std::string& name) {
  for (const json& upstream : status.at("upstreams")) {
    if (upstream["name"] == name) return upstream;
  }
  return std::nullopt;
}

std::optional<json> endpoint_of(const json& status, const std::string& upstream,
                                const std::string& address) {
  const auto found = upstream_of(status, upstream);
  if (!found) return std::nullopt;
  for (const json& endpoint : found->at("endpoints")) {
    if (endpoint["address"] == address) return with_upstream(endpoint, *found);
  }
  return std::nullopt;
}

json endpoints_of(const json& status) {
  json all = json::array();
  for (const json& upstream : status.at("upstreams")) {
    for (const json& endpoint : upstream["endpoints"]) {
      all.push_back(with_upstream(endpoint, upstream));
    }
  }
  return {{"endpoints", std::move(all)}};
}

json pools_of(const json& status) {
  json all = json::array();
  for (const json& upstream : status.at("upstreams")) {
    if (!upstream["pool"].is_null()) all.push_back(with_upstream(upstream["pool"], upstream));
  }
  return {{"pools", std::move(all)}};
}

}  // namespace proxy
