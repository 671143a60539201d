#include "proxy/admin_target.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace proxy {
namespace {

using Segments = std::vector<std::string>;
using Query = std::vector<std::pair<std::string, std::string>>;

TEST(AdminTarget, IsTakenApartAndDecodedPartByPart) {
  const auto target = parse_target("/v1/upstreams/a%2fb/endpoints/%5B::1%5D:80?x=%3D&y=");
  ASSERT_TRUE(target) << target.error();
  EXPECT_EQ(target->segments, (Segments{"v1", "upstreams", "a/b", "endpoints", "[::1]:80"}));
  EXPECT_EQ(target->query, (Query{{"x", "="}, {"y", ""}}));
  EXPECT_EQ(parse_target("/v1?")->segments, Segments{"v1"});
}

TEST(AdminTarget, RefusesWhateverTwoReadersCouldReadDifferently) {
  for (const std::string target : {"",
                                   "v1",
                                   "http://millrace/v1/status",
                                   "*",
                                   "/",
                                   "//v1",
                                   "/v1//status",
                                   "/v1/",
                                   "/./v1",
                                   "/v1/..",
                                   "/v1/%2e%2e/status",
                                   "/v1/%2E",
                                   "/v1/%00",
                                   "/v1/%0a",
                                   "/v1/%7f",
                                   "/v1/%80",
                                   "/v1/%20",
                                   "/v1/%",
                                   "/v1/%4",
                                   "/v1/%4g",
                                   "/v1/a b",
                                   "/v1/\x80",
                                   "/v1?a",
                                   "/v1?=b",
                                   "/v1?a=1&a=2",
                                   "/v1?a=1&",
                                   "/v1?&a=1",
                                   "/v1?a=%zz",
                                   "/v1?%zz=1"}) {
    const auto parsed = parse_target(target);
    ASSERT_FALSE(parsed) << target;
    EXPECT_FALSE(parsed.error().empty()) << target;
  }
}

TEST(AdminTarget, HasABound) {
  const std::string longest = "/" + std::string(kAdminTargetBytesMax - 1, 'a');
  EXPECT_TRUE(parse_target(longest));
  EXPECT_FALSE(parse_target(longest + "a"));
}

}  // namespace
}  // namespace proxy
