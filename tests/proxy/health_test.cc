#include "proxy/health.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>

#include "metrics/http_pages.h"
#include "metrics/http_server.h"
#include "metrics/http_stats.h"
#include "proxy/demo_socket.h"
#include "proxy/exit_code.h"

namespace {

using namespace std::chrono_literals;

// The real metrics server with an answer of the test's choice.
struct Served {
  explicit Served(const metrics::Health& health)
      : server(*metrics::HttpServer::start(
            *base::parse_address("127.0.0.1:0"),
            metrics::read_only_pages({.metrics_page = [] { return std::string("a page\n"); },
                                      .live = [] { return metrics::Health{}; },
                                      .ready = [health] { return health; }},
                                     stats),
            stats)) {}
  metrics::HttpStats stats;
  metrics::HttpServer server;
};

int quiet_health(const proxy::HealthOptions& options, std::string* said = nullptr) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int exit_code = proxy::check_health(options);
  const std::string text =
      testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  if (said != nullptr) *said = text;
  return exit_code;
}

TEST(Health, IsDoneWhenTheInstanceIsReady) {
  const Served served(metrics::Health{});
  std::string said;
  EXPECT_EQ(
      quiet_health({.config_path = {}, .address = base::to_string(served.server.address())}, &said),
      proxy::kExitDone);
  EXPECT_TRUE(said.starts_with("ready: ")) << said;
}

TEST(Health, FailsWhileTheInstanceDrains) {
  const Served served(metrics::Health{.good = false, .reason = "draining"});
  std::string said;
  EXPECT_EQ(
      quiet_health({.config_path = {}, .address = base::to_string(served.server.address())}, &said),
      proxy::kExitFailed);
  EXPECT_TRUE(said.starts_with("not ready: 503 draining")) << said;
}

TEST(Health, FindsTheAddressInTheConfiguration) {
  const Served served(metrics::Health{});
  // A server that listens on every address is asked at the loopback one.
  const std::string path = testing::TempDir() + "health_test.yaml";
  std::ofstream(path) << "listeners: [{name: in, bind: 127.0.0.1:7000, upstream: out}]\n"
                      << "upstreams: [{name: out, endpoints: [{address: 127.0.0.1:7001}]}]\n"
                      << "metrics: {bind: 0.0.0.0:" << served.server.address().ip.port << "}\n";
  EXPECT_EQ(quiet_health({.config_path = path, .address = {}}), proxy::kExitDone);
}

TEST(Health, FailsWhenNobodyIsThere) {
  auto listener = proxy::listen_on_loopback();
  ASSERT_TRUE(listener);
  const std::string address = base::to_string(proxy::address_of(listener->get()));
  listener->close();
  std::string said;
  EXPECT_EQ(quiet_health({.config_path = {}, .address = address}, &said), proxy::kExitFailed);
  EXPECT_NE(said.find("ECONNREFUSED"), std::string::npos) << said;
}

TEST(Health, CallsWrongOptionsAUsageError) {
  EXPECT_EQ(quiet_health({.config_path = {}, .address = "here"}), proxy::kExitUsage);
  EXPECT_EQ(quiet_health({.config_path = "/nonexistent/millrace.yaml", .address = {}}),
            proxy::kExitUsage);
}

}  // namespace
