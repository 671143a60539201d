#include "proxy/top_source.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "metrics/http_pages.h"
#include "metrics/http_server.h"
#include "metrics/http_stats.h"

namespace {

using namespace std::chrono_literals;
using proxy::TopSource;

std::string refused(const proxy::ApiTarget& target) {
  const auto source = TopSource::make(target);
  return source ? "" : source.error();
}

TEST(TopSource, IsTheMetricsPortOfTheDefaultConfiguration) {
  const auto source = TopSource::make({});
  ASSERT_TRUE(source) << source.error();
  EXPECT_EQ(source->name(), "127.0.0.1:9464");
}

TEST(TopSource, IsWhatTheCommandLineSays) {
  EXPECT_EQ(TopSource::make({.url = "http://[::1]:9"})->name(), "[::1]:9");
  EXPECT_EQ(TopSource::make({.socket = "/run/x.sock"})->name(), "unix:/run/x.sock");
  EXPECT_NE(refused({.url = "127.0.0.1:9464"}).find("http://127.0.0.1:9464"), std::string::npos);
  EXPECT_NE(refused({.url = "http://127.0.0.1:9464", .token_file = "/nowhere"}).find("/nowhere"),
            std::string::npos);
}

TEST(TopSource, SaysThatNobodyAnswers) {
  const auto nobody = TopSource::make({.socket = "/nowhere/admin.sock"})->ask(1s);
  ASSERT_FALSE(nobody);
  EXPECT_NE(nobody.error().find("unix:/nowhere/admin.sock"), std::string::npos) << nobody.error();
}

TEST(TopSource, SaysThatThereIsNoStatusDocument) {
  metrics::HttpStats stats;
  const metrics::HttpServer server(*metrics::HttpServer::start(
      *base::parse_address("127.0.0.1:0"),
      metrics::read_only_pages({.metrics_page = [] { return std::string("a page\n"); },
                                .live = [] { return metrics::Health{}; },
                                .ready = [] { return metrics::Health{}; }},
                               stats),
      stats));
  const std::string address = base::to_string(server.address());
  const auto answer = TopSource::make({.url = "http://" + address})->ask(10s);
  ASSERT_FALSE(answer);
  EXPECT_TRUE(
      answer.error().starts_with("no status document at " + address + ": it answered \"404"))
      << answer.error();
  EXPECT_TRUE(answer.error().ends_with("is that the metrics port of a Millrace?"));
}

}  // namespace
