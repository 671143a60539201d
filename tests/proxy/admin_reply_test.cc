#include "proxy/admin_reply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace proxy {
namespace {

using nlohmann::json;

TEST(AdminReply, IsJson) {
  const metrics::HttpReply reply = admin_reply({{"level", "info"}});
  EXPECT_EQ(reply.status, metrics::HttpStatus::kOk);
  EXPECT_STREQ(reply.content_type, "application/json");
  EXPECT_EQ(json::parse(reply.body), json({{"level", "info"}}));
}

TEST(AdminReply, OfAnErrorHasItsTextAndStatus) {
  const auto reply = admin_error(metrics::HttpStatus::kConflict, "not \"now\"", {{"more", 1}});
  EXPECT_EQ(reply.status, metrics::HttpStatus::kConflict);
  EXPECT_EQ(json::parse(reply.body),
            json({{"error", "not \"now\""}, {"status", 409}, {"more", 1}}));
}

TEST(AdminReply, SurvivesBytesThatAreNoUtf8) {
  const auto reply = admin_error(metrics::HttpStatus::kBadRequest, "\xff\xfe");
  EXPECT_TRUE(json::accept(reply.body)) << reply.body;
}

}  // namespace
}  // namespace proxy
