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

TEST(HttpPages, AreCompressedForThoseWhoSaySo) {
  HttpStats stats;
  const auto site = read_only_pages({.metrics_page = [] { return std::string("numbers"); },
                                     .live = [] { return Health{}; },
                                     .ready = [] { return Health{}; },
                                     .pages = {{.path = "/own",
                                                .content_type = "text/own",
                                                .headers = {},
                                                .body = [] { return std::string("plain"); },
                                                .gzip = "small"}}},
                                    stats);
  const auto answer = [&](std::string_view path, std::string_view accepted) {
    return site->answer({.method = "GET", .target = path, .accept_encoding = accepted});
  };
  for (const char* yes :
       {"gzip", "GZip", "deflate, gzip, br", "br;q=1 , gzip ; q=0.5", "gzip;q=1", "gzip;q=0.001"}) {
    const HttpReply reply = answer("/own", yes);
    EXPECT_EQ(reply.body, "small") << yes;
    ASSERT_EQ(reply.headers.size(), 2U) << yes;
    EXPECT_STREQ(reply.headers[0].name, "Content-Encoding");
    EXPECT_EQ(reply.headers[0].value, "gzip");
    EXPECT_STREQ(reply.headers[1].name, "Vary");
    EXPECT_STREQ(reply.content_type, "text/own");
  }
  for (const char* no : {"", "br", "gzip;q=0", "gzip; q=0.000", "gzip;", "xgzip", "gzipx",
                         "identity, *", ",,;,", "gzi"}) {
    const HttpReply reply = answer("/own", no);
    EXPECT_EQ(reply.body, "plain") << no;
    ASSERT_EQ(reply.headers.size(), 1U) << no;
    EXPECT_STREQ(reply.headers[0].name, "Vary");
  }
  EXPECT_TRUE(answer("/metrics", "gzip").headers.empty()) << "a page that has no such body";
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
