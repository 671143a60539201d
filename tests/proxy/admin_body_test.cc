#include "proxy/admin_body.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace proxy {
namespace {

std::string error_of(std::string_view body) {
  const auto parsed = parse_body(body, {"state", "weight"});
  return parsed ? "" : parsed.error();
}

TEST(AdminBody, IsAnObjectOfKnownKeys) {
  const auto body = parse_body(R"({"state":"drain","weight":null})", {"state", "weight"});
  ASSERT_TRUE(body) << body.error();
  EXPECT_EQ(string_of(*body, "state", "x").value(), "drain");
  EXPECT_EQ(string_of(*body, "other", "x").value(), "x");
  EXPECT_EQ(string_of(*body, "weight", "x").error(), "'weight' is a string");
  EXPECT_TRUE(parse_body("", {"state"})->empty());
}

TEST(AdminBody, SaysWhereItIsNoJson) {
  EXPECT_EQ(error_of("{\"state\":"), "the body is not JSON at line 1, column 10");
  EXPECT_EQ(error_of("{\n  \"state\": drain}"), "the body is not JSON at line 2, column 12");
  EXPECT_EQ(error_of("{} x"), "the body is not JSON at line 1, column 4");
  EXPECT_NE(error_of(std::string("{\"state\":\"\xff\"}")), "");
  EXPECT_NE(error_of(std::string("\0", 1)), "");
  EXPECT_NE(error_of(R"({"weight":1e999})"), "");
}

TEST(AdminBody, SaysWhatItShouldBe) {
  const std::string right = "the body is an object with 'state', 'weight'";
  for (const char* body : {"[]", "1", "null", "\"state\""}) EXPECT_EQ(error_of(body), right);
  EXPECT_EQ(error_of(R"({"State":"x"})"), "unknown key 'State'; " + right);
  EXPECT_EQ(error_of(R"({"state":"a","state":"b"})"), "the key 'state' is there twice");
}

TEST(AdminBody, IsNotHurtByDepth) {
  const std::string deep(60'000, '[');
  EXPECT_NE(error_of(deep), "");
  EXPECT_NE(error_of(deep + std::string(60'000, ']')), "");
  EXPECT_NE(error_of(R"({"x":)" + deep + std::string(60'000, ']') + "}"), "");
}

}  // namespace
}  // namespace proxy
