#include "proxy/api_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "metrics/http_pages.h"
#include "metrics/http_server.h"
#include "metrics/http_stats.h"
#include "proxy/demo_socket.h"

namespace {

using namespace std::chrono_literals;
using proxy::ApiClient;

std::string url_of(const base::Address& address) { return "http://" + base::to_string(address); }

TEST(ApiClient, TakesASocketOrAUrl) {
  EXPECT_EQ(base::to_string(ApiClient::make({.socket = "/run/x.sock"})->address()),
            "unix:/run/x.sock");
  EXPECT_EQ(base::to_string(ApiClient::make({.socket = "@x"})->address()), "unix:@x");
  for (const char* url : {"http://127.0.0.1:9464", "http://127.0.0.1:9464/"}) {
    EXPECT_EQ(base::to_string(ApiClient::make({.url = url})->address()), "127.0.0.1:9464");
  }
  EXPECT_EQ(base::to_string(ApiClient::make({.url = "http://[::1]:1"})->address()), "[::1]:1");
  for (const char* url : {"127.0.0.1:9464", "https://127.0.0.1:1", "http://127.0.0.1", "http://",
                          "http://localhost:1", "http://127.0.0.1:1/path", "http://127.0.0.1:0"}) {
    const auto client = ApiClient::make({.url = url});
    ASSERT_FALSE(client) << url;
    EXPECT_NE(client.error().find("http://127.0.0.1:9464"), std::string::npos) << client.error();
  }
}

TEST(ApiClient, ReadsItsToken) {
  const std::string path = testing::TempDir() + "api_client_token";
  std::ofstream(path) << "short\n";
  EXPECT_FALSE(ApiClient::make({.url = "http://127.0.0.1:1", .token_file = path}));
  std::ofstream(path) << "a-token-of-sixteen-bytes\n";
  EXPECT_TRUE(ApiClient::make({.url = "http://127.0.0.1:1", .token_file = path}));
}

TEST(ApiClient, SaysWhoDoesNotAnswerAndWhatToLookAt) {
  const auto gone = ApiClient::make({.socket = "/nonexistent/admin.sock"});
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->get("/v1/status", 1s).error(),
            "no answer from unix:/nonexistent/admin.sock: No such file or directory (ENOENT); is "
            "millrace running, with the admin API at this path?");
  const auto silent = *proxy::listen_on_loopback();
  const auto waits = ApiClient::make({.url = url_of(proxy::address_of(silent.get()))});
  EXPECT_NE(waits->get("/", 20ms).error().find("does not answer"), std::string::npos);
}

TEST(ApiClient, GivesDocumentsAndTheSentencesOfErrors) {
  metrics::HttpStats stats;
  metrics::HttpHandlers handlers{.metrics_page = [] { return std::string("{\"x\": 1}"); },
                                 .live = [] { return metrics::Health{}; },
                                 .ready = [] { return metrics::Health{}; }};
  const auto server =
      metrics::HttpServer::start(*base::parse_address("127.0.0.1:0"),
                                 metrics::read_only_pages(std::move(handlers), stats), stats);
  const auto client = ApiClient::make({.url = url_of(server->address())});
  EXPECT_EQ(client->get("/metrics", 5s)->at("x"), 1);
  EXPECT_NE(client->get("/healthz", 5s).error().find("is not JSON"), std::string::npos);
  EXPECT_TRUE(client->get("/nothing", 5s).error().starts_with("404 "));
  EXPECT_EQ(proxy::error_of({.status = 409, .text = R"({"error": "not now", "status": 409})"}),
            "not now");
}

TEST(ApiClient, EncodesWhatAPathHasNoPlaceFor) {
  EXPECT_EQ(proxy::percent_encoded("[::1]:80/x y%"), "%5B%3A%3A1%5D%3A80%2Fx%20y%25");
  EXPECT_EQ(proxy::percent_encoded("Az09-._~"), "Az09-._~");
}

}  // namespace
