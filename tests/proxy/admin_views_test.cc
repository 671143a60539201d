#include "proxy/admin_views.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace proxy {
namespace {

using nlohmann::json;

json status() {
  return json::parse(R"({"listeners": [{"name": "web"}], "upstreams": [
      {"name": "a", "pool": null, "endpoints": [{"address": "1"}, {"address": "2"}]},
      {"name": "b", "pool": {"idle": 3}, "endpoints": [{"address": "1"}]}]})");
}

TEST(AdminViews, GiveTheListsOfTheDocument) {
  EXPECT_EQ(list_of(status(), "listeners"), json::parse(R"({"listeners": [{"name": "web"}]})"));
  EXPECT_EQ(endpoints_of(status()), json::parse(R"({"endpoints": [
      {"address": "1", "upstream": "a"}, {"address": "2", "upstream": "a"},
      {"address": "1", "upstream": "b"}]})"));
  EXPECT_EQ(pools_of(status()), json::parse(R"({"pools": [{"idle": 3, "upstream": "b"}]})"));
}

TEST(AdminViews, FindOneByItsNames) {
  EXPECT_EQ(upstream_of(status(), "b")->at("pool"), json({{"idle", 3}}));
  EXPECT_FALSE(upstream_of(status(), "c"));
  EXPECT_EQ(*endpoint_of(status(), "a", "2"), json({{"address", "2"}, {"upstream", "a"}}));
  EXPECT_FALSE(endpoint_of(status(), "b", "2"));
  EXPECT_FALSE(endpoint_of(status(), "c", "1"));
}

}  // namespace
}  // namespace proxy
