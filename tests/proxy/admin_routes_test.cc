#include "proxy/admin_routes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "proxy/admin_openapi.h"

namespace proxy {
namespace {

using nlohmann::json;

TEST(AdminRoutes, AreFoundByMethodAndPath) {
  const AdminMatch found = match("POST", {"v1", "upstreams", "up", "endpoints", "10.0.0.1:1"});
  ASSERT_NE(found.route, nullptr);
  EXPECT_EQ(found.route->action, AdminAction::kOverrideEndpoint);
  EXPECT_EQ(found.names, (std::vector<std::string>{"up", "10.0.0.1:1"}));
  ASSERT_NE(match("HEAD", {"v1", "status"}).route, nullptr);
  EXPECT_EQ(match("HEAD", {"v1", "status"}).route->action, AdminAction::kShowStatus);
}

TEST(AdminRoutes, SayWhichMethodsAPathTakes) {
  EXPECT_EQ(match("DELETE", {"v1", "log"}).allow, "GET, HEAD, PUT");
  EXPECT_EQ(match("GET", {"v1", "reload"}).allow, "POST");
  for (const std::vector<std::string>& path : {std::vector<std::string>{"v1"},
                                               {"status"},
                                               {"v1", "status", "x"},
                                               {"V1", "status"},
                                               {"v1", "upstreams", "a", "endpoints"},
                                               {"metrics"},
                                               {"status.json"},
                                               {"healthz"}}) {
    const AdminMatch found = match("GET", path);
    EXPECT_EQ(found.route, nullptr);
    EXPECT_EQ(found.allow, "");
  }
}

// The document that users write clients from, and the table that decides: each has what the other
// has.
TEST(AdminRoutes, AreThoseOfTheOpenApiDocument) {
  const json document = json::parse(openapi_document());
  std::set<std::string> described;
  for (const auto& [path, operations] : document.at("paths").items()) {
    for (const auto& [method, operation] : operations.items()) {
      std::string upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      described.insert(upper.append(" ").append(path));
    }
  }
  std::set<std::string> served;
  for (const AdminRoute& route : admin_routes()) {
    served.insert(std::string(route.method) + " " + std::string(route.pattern));
    std::string lower(route.method);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const json& operation = document.at("paths").at(std::string(route.pattern)).at(lower);
    EXPECT_EQ(operation.contains("requestBody"), route.body_bytes_max != 0) << route.pattern;
    std::set<std::string> keys;
    for (const std::string_view key : route.query) {
      if (!key.empty()) keys.emplace(key);
    }
    std::set<std::string> described_keys;
    for (const json& parameter : operation.value("parameters", json::array())) {
      if (parameter["in"] == "query") described_keys.insert(parameter["name"]);
    }
    EXPECT_EQ(keys, described_keys) << route.method << " " << route.pattern;
  }
  EXPECT_EQ(served, described);
}

TEST(AdminRoutes, AreLoggedWhenTheyChangeSomething) {
  for (const AdminRoute& route : admin_routes()) {
    EXPECT_EQ(route.changes_something(),
              route.method != "GET" && route.pattern != "/v1/config/diff")
        << route.pattern;
  }
}

}  // namespace
}  // namespace proxy
