#include "proxy/ctl_request.h"

#include <gtest/gtest.h>

#include <string>

namespace proxy {
namespace {

std::string line_of(const CtlOptions& options, const std::string& file_text = {}) {
  const CtlRequest request = request_of(options, file_text);
  return std::string(request.method) + " " + request.target +
         (request.body.empty() ? "" : " " + request.body);
}

TEST(CtlRequest, OfWhatIsToBeShown) {
  for (const auto& [action, line] : {std::pair{CtlAction::kStatus, "GET /v1/status"},
                                     {CtlAction::kShowConfig, "GET /v1/config"},
                                     {CtlAction::kListeners, "GET /v1/listeners"},
                                     {CtlAction::kUpstreams, "GET /v1/upstreams"},
                                     {CtlAction::kEndpoints, "GET /v1/endpoints"},
                                     {CtlAction::kPools, "GET /v1/pools"},
                                     {CtlAction::kWorkers, "GET /v1/workers"},
                                     {CtlAction::kShowLogLevel, "GET /v1/log"}}) {
    CtlOptions options;
    options.action = action;
    EXPECT_EQ(line_of(options), line);
  }
  CtlOptions options;
  options.action = CtlAction::kEndpoints;
  options.upstream = "a/b";
  EXPECT_EQ(line_of(options), "GET /v1/upstreams/a%2Fb");
  options.action = CtlAction::kDiffConfig;
  EXPECT_EQ(line_of(options, "x: 1\n"), "POST /v1/config/diff x: 1\n");
}

TEST(CtlRequest, OfOrdersToAnEndpoint) {
  CtlOptions options;
  options.action = CtlAction::kOrderEndpoint;
  options.upstream = "redis";
  options.endpoint = "[::1]:80";
  options.order = "drain";
  const std::string path = "POST /v1/upstreams/redis/endpoints/%5B%3A%3A1%5D%3A80 ";
  EXPECT_EQ(line_of(options), path + R"({"state":"drain"})");
  options.order = "weight";
  options.weight = "30";
  EXPECT_EQ(line_of(options), path + R"({"weight":30})");
  options.weight = "default";
  EXPECT_EQ(line_of(options), path + R"({"weight":null})");
}

TEST(CtlRequest, OfSessions) {
  CtlOptions options;
  options.action = CtlAction::kSessions;
  options.upstream = "redis";
  options.client = "::1";
  options.limit = 5;
  EXPECT_EQ(line_of(options), "GET /v1/sessions?upstream=redis&client=%3A%3A1&limit=5");
  EXPECT_EQ(page_request(options, 7, "0.9").target,
            "/v1/sessions?upstream=redis&client=%3A%3A1&limit=7&cursor=0.9");
  options.id = "0.1.2";
  options.action = CtlAction::kShowSession;
  EXPECT_EQ(line_of(options), "GET /v1/sessions/0.1.2");
  options.action = CtlAction::kEndSession;
  EXPECT_EQ(line_of(options), "DELETE /v1/sessions/0.1.2");
  options.action = CtlAction::kEndSessions;
  options.endpoint = "10.0.0.1:80";
  EXPECT_EQ(line_of(options), "DELETE /v1/sessions?upstream=redis&endpoint=10.0.0.1%3A80");
}

TEST(CtlRequest, OfOrdersToTheProgram) {
  CtlOptions options;
  options.action = CtlAction::kReload;
  EXPECT_EQ(line_of(options), R"(POST /v1/reload {"overrides":"drop"})");
  options.keep_overrides = true;
  EXPECT_EQ(line_of(options), R"(POST /v1/reload {"overrides":"keep"})");
  options.action = CtlAction::kDrain;
  EXPECT_EQ(line_of(options), "POST /v1/drain {}");
  options.drain_for = "30s";
  EXPECT_EQ(line_of(options), R"(POST /v1/drain {"for":"30s"})");
  options.drain_for = "\xff";  // For the API to refuse.
  EXPECT_EQ(line_of(options), "POST /v1/drain {\"for\":\"\xEF\xBF\xBD\"}");
  options.action = CtlAction::kSetLogLevel;
  options.level = "debug";
  EXPECT_EQ(line_of(options), R"(PUT /v1/log {"level":"debug"})");
}

}  // namespace
}  // namespace proxy
