#include "metrics/http_pages.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace metrics {
namespace {

HttpRequest get(std::string_view target) { return {.method = "GET", .target = target}; }

std::unique_ptr<HttpSite> pages(HttpStats& stats) {
  return read_only_pages({.metrics_page = [] { return std::string("numbers"); },
                          .live = [] { return Health{}; },
                          .ready = [] { return Health{.good = false, .reason = "draining"}; },
                          .pages = {{.path = "/own",
                                     .content_type = "text/own",
                                     .headers = {{"X-Own", "1"}},
                                     .body = [] { return std::string("own"); }}}},
                         stats);
}

TEST(HttpPages, AnswerByTheirPathWhateverTheQuery) {
  HttpStats stats;
  const auto site = pages(stats);
  EXPECT_EQ(site->answer(get("/metrics?x=/own")).body, "numbers");
  EXPECT_GT(stats.render_nanos.value(), 0);
  EXPECT_EQ(site->answer(get("/healthz")).status, HttpStatus::kOk);
  const HttpReply ready = site->answer(get("/readyz"));
  EXPECT_EQ(ready.status, HttpStatus::kUnavailable);
  EXPECT_EQ(ready.body, "draining\n");
  const HttpReply own = site->answer(get("/own"));
  EXPECT_EQ(own.body, "own");
  EXPECT_STREQ(own.content_type, "text/own");
  ASSERT_EQ(own.headers.size(), 1U);
  EXPECT_EQ(own.headers[0].value, "1");
}

TEST(HttpPages, DecodeNothingAndNameThePagesThereAre) {
  HttpStats stats;
  const auto site = pages(stats);
  for (const char* target : {"/", "/%6detrics", "/metrics/", "//metrics", "/metrics%00", "metrics",
                             "http://x/metrics", "", "/v1/status"}) {
    const HttpReply reply = site->answer(get(target));
    EXPECT_EQ(reply.status, HttpStatus::kNotFound) << target;
    EXPECT_NE(reply.body.find(" /own"), std::string::npos) << reply.body;
  }
}

TEST(HttpPages, AreReadOnly) {
  HttpStats stats;
  const auto site = pages(stats);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "get"}) {
    const HttpReply reply = site->answer({.method = method, .target = "/metrics"});
    EXPECT_EQ(reply.status, HttpStatus::kMethodNotAllowed) << method;
    ASSERT_EQ(reply.headers.size(), 1U);
    EXPECT_EQ(reply.headers[0].value, "GET, HEAD");
  }
  EXPECT_EQ(site->admit(get("/metrics")).body_bytes_max, 0U) << "no page reads a body";
}

}  // namespace
}  // namespace metrics
