#include "metrics/http_server.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "metrics/http_pages.h"
#include "metrics/page.h"
#include "tests/metrics/http_client.h"

namespace metrics {
namespace {

using std::chrono::seconds;

base::Address address_of(const std::string& text) { return base::parse_address(text).value(); }

constexpr const char* kPage = "# TYPE millrace_x gauge\nmillrace_x 1\n";

HttpHandlers plain_handlers() {
  return {[] { return std::string(kPage); }, [] { return Health{}; }, [] { return Health{}; }};
}

// A server on a free port, and what a scraper would see of it.
struct Serving {
  explicit Serving(HttpHandlers handlers = plain_handlers(), const HttpLimits& limits = {})
      : server(HttpServer::start(address_of("127.0.0.1:0"),
                                 read_only_pages(std::move(handlers), stats), stats, limits)
                   .value()) {}

  const base::Address& address() const { return server.address(); }
  std::uint64_t requests(HttpStatus status) const {
    return stats.requests[static_cast<std::size_t>(status)].value();
  }
  std::uint64_t dropped(HttpDrop cause) const {
    return stats.dropped[static_cast<std::size_t>(cause)].value();
  }
  // Makes the server do turns of its loop until the condition holds.
  bool eventually(const std::function<bool()>& condition) const {
    const auto deadline = std::chrono::steady_clock::now() + HttpClient::kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition()) return true;
      ask(address(), "/healthz");
    }
    return condition();
  }

  HttpStats stats;
  HttpServer server;
};

std::size_t open_descriptors() {
  const auto folder = std::filesystem::directory_iterator("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(folder), end(folder)));
}

TEST(HttpServer, ServesThePageWithTheFullContentType) {
  const Serving serving;
  const std::string answer = ask(serving.address(), "/metrics");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos)
      << answer;
  EXPECT_EQ(body_of(answer), kPage);
}

TEST(HttpServer, IgnoresTheQueryString) {
  const Serving serving;
  EXPECT_EQ(body_of(ask(serving.address(), "/metrics?name%5B%5D=x&y")), kPage);
}

TEST(HttpServer, AnswersHeadWithTheLengthAndWithoutTheBody) {
  const Serving serving;
  const std::string answer = ask(serving.address(), "/metrics", "HEAD");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Length: " + std::to_string(std::string(kPage).size())),
            std::string::npos)
      << answer;
  EXPECT_EQ(body_of(answer), "");
}

TEST(HttpServer, DeliversABigPageWhole) {
  std::string page(std::size_t{8} << 20U, 'x');
  for (std::size_t i = 0; i < page.size(); ++i) page[i] = static_cast<char>('a' + i % 23);
  HttpHandlers handlers = plain_handlers();
  handlers.metrics_page = [&] { return page; };
  const Serving serving(handlers);
  EXPECT_TRUE(body_of(ask(serving.address(), "/metrics")) == page);
}

TEST(HttpServer, SaysWhetherTheProcessIsOfUse) {
  Health health{true, "ok"};
  HttpHandlers handlers = plain_handlers();
  handlers.live = [&] { return health; };
  const Serving serving(handlers);
  std::string answer = ask(serving.address(), "/healthz");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_EQ(body_of(answer), "ok\n");
  health = {false, "worker 3 is stuck"};
  answer = ask(serving.address(), "/healthz");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_EQ(body_of(answer), "worker 3 is stuck\n");
}

TEST(HttpServer, IsNotReadyWhileDrainingAndSaysSo) {
  Health health;
  HttpHandlers handlers = plain_handlers();
  handlers.ready = [&] { return health; };
  const Serving serving(handlers);
  EXPECT_TRUE(ask(serving.address(), "/readyz").starts_with("HTTP/1.1 200 "));
  health = {false, "draining"};
  const std::string answer = ask(serving.address(), "/readyz");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_EQ(body_of(answer), "draining\n");
  EXPECT_EQ(serving.requests(HttpStatus::kUnavailable), 1U);
}

HttpHandlers with_page(std::vector<HttpPage::Header> headers = {}) {
  HttpHandlers handlers = plain_handlers();
  handlers.pages.push_back({.path = "/own",
                            .content_type = "application/json",
                            .headers = std::move(headers),
                            .body = [] { return std::string("{}"); }});
  return handlers;
}

TEST(HttpServer, ServesThePagesThatTheProgramAdds) {
  const Serving serving(with_page({{"Content-Security-Policy", "default-src 'none'"}}));
  const std::string answer = ask(serving.address(), "/own?x");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  for (const char* header :
       {"Content-Type: application/json", "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff", "Content-Security-Policy: default-src 'none'"}) {
    EXPECT_NE(head_of(answer).find(header), std::string::npos) << answer;
  }
  EXPECT_EQ(body_of(answer), "{}");
  EXPECT_TRUE(ask(serving.address(), "/own", "POST").starts_with("HTTP/1.1 405 "));
  EXPECT_EQ(ask(serving.address(), "/metrics").find("Content-Security-Policy"), std::string::npos);
}

TEST(HttpServer, ListsItsPagesWhereThereIsNone) {
  const Serving serving(with_page());
  const std::string answer = ask(serving.address(), "/");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer;
  for (const char* path : {" /metrics", " /healthz", " /readyz", " /own"}) {
    EXPECT_NE(body_of(answer).find(path), std::string::npos) << answer;
  }
}

TEST(HttpServer, KnowsNoOtherPage) {
  const Serving serving;
  for (const char* path : {"/metric", "/metrics/", "//metrics", "/../etc/passwd"}) {
    EXPECT_TRUE(ask(serving.address(), path).starts_with("HTTP/1.1 404 ")) << path;
  }
  EXPECT_EQ(serving.requests(HttpStatus::kNotFound), 4U);
}

TEST(HttpServer, OnlyReads) {
  const Serving serving;
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"}) {
    const std::string answer = ask(serving.address(), "/metrics", method);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << method << "\n" << answer;
    EXPECT_NE(answer.find("\r\nAllow: GET, HEAD\r\n"), std::string::npos) << answer;
  }
  EXPECT_EQ(serving.requests(HttpStatus::kMethodNotAllowed), 6U);
}

TEST(HttpServer, CountsAnswersAndTimesThePage) {
  const Serving serving;
  ask(serving.address(), "/metrics");
  ask(serving.address(), "/readyz");
  EXPECT_EQ(serving.requests(HttpStatus::kOk), 2U);
  EXPECT_GT(serving.stats.render_nanos.value(), 0);
  EXPECT_EQ(serving.stats.connections_max.value(), 64);
}

TEST(HttpServer, ServesOnAUnixSocket) {
  const std::string path = testing::TempDir() + "http." + std::to_string(getpid()) + ".sock";
  HttpStats stats;
  {
    const auto server = HttpServer::start(address_of("unix:" + path),
                                          read_only_pages(plain_handlers(), stats), stats);
    ASSERT_TRUE(server) << server.error();
    EXPECT_EQ(base::to_string(server->address()), "unix:" + path);
    EXPECT_EQ(body_of(ask(server->address(), "/metrics")), kPage);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpServer, ServesOnV6) {
  HttpStats stats;
  const auto server =
      HttpServer::start(address_of("[::1]:0"), read_only_pages(plain_handlers(), stats), stats);
  ASSERT_TRUE(server) << server.error();
  EXPECT_EQ(body_of(ask(server->address(), "/metrics")), kPage);
}

TEST(HttpServer, SaysWhyItCannotStart) {
  const Serving serving;
  HttpStats stats;
  const auto second =
      HttpServer::start(serving.address(), read_only_pages(plain_handlers(), stats), stats);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find(base::to_string(serving.address())), std::string::npos);
  EXPECT_NE(second.error().find("EADDRINUSE"), std::string::npos) << second.error();
  EXPECT_EQ(body_of(ask(serving.address(), "/metrics")), kPage);
}

TEST(HttpServer, KeepsSignalsForTheMainThread) {
  const Serving serving;
  ask(serving.address(), "/healthz");
  int others = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(gettid())) continue;
    ++others;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("SigBlk:")) continue;
      const auto blocked =
          std::stoull(line.substr(line.find_first_of("0123456789abcdef", 7)), nullptr, 16);
      for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
        EXPECT_NE(blocked & (1ULL << static_cast<unsigned>(signal - 1)), 0U) << signal;
      }
    }
  }
  EXPECT_GE(others, 1);
}

// Whatever comes in, the connection ends soon, no page is given away, and the next scrape is
// served.
struct BadInput {
  const char* name;
  std::string bytes;
};

class HttpServerBadInput : public testing::TestWithParam<BadInput> {};

TEST_P(HttpServerBadInput, IsRefusedAndTheNextScrapeIsServed) {
  HttpLimits limits;
  limits.idle_timeout = seconds(1);
  const Serving serving(plain_handlers(), limits);
  HttpClient client(serving.address());
  ASSERT_TRUE(client.connected());
  client.send_all(GetParam().bytes);
  const std::string answer = client.read_to_end();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(answer.find("millrace_x"), std::string::npos) << answer;
  EXPECT_FALSE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_EQ(body_of(ask(serving.address(), "/metrics")), kPage);
  EXPECT_TRUE(serving.eventually([&] { return serving.stats.connections.value() <= 1; }));
  EXPECT_EQ(serving.dropped(HttpDrop::kNoRequest) + serving.requests(HttpStatus::kNotFound), 1U);
}

std::string many_headers() {
  std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 10'000; ++i) request += "X-" + std::to_string(i) + ": y\r\n";
  return request + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Port, HttpServerBadInput,
    testing::Values(
        BadInput{"Garbage", "\x01\x02\xff\xfe garbage\r\n\r\n"},
        BadInput{"EmptyLines", std::string(100'000, '\n')},
        BadInput{"Zeros", std::string(100'000, '\0')},
        BadInput{"LineOfAMegabyte", "GET /" + std::string(1U << 20U, 'a') + " HTTP/1.1\r\n\r\n"},
        BadInput{"HeaderOfAMegabyte",
                 "GET /metrics HTTP/1.1\r\nX: " + std::string(1U << 20U, 'a') + "\r\n\r\n"},
        BadInput{"TenThousandHeaders", many_headers()},
        BadInput{"MegabyteOfSlashes", "GET " + std::string(1U << 20U, '/') + " HTTP/1.1\r\n\r\n"},
        BadInput{"NoHost", "GET /metrics HTTP/1.1\r\n\r\n"},
        BadInput{"NoVersion", "GET /metrics\r\n\r\n"},
        BadInput{"AbsoluteUri", "GET http://x/metrics HTTP/1.1\r\nHost: x\r\n\r\n"},
        BadInput{"NegativeLength",
                 "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"},
        BadInput{"LengthOfManyDigits", "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                                           std::string(40, '9') + "\r\n\r\n"},
        BadInput{"HalfARequest", "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Wait: "},
        BadInput{"NothingAtAll", ""},
        BadInput{"TlsHello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) +
                                 std::string(506, '\x5a')},
        BadInput{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}),
    [](const auto& input) { return input.param.name; });

TEST(HttpServer, AnswersOnlyTheFirstOfPipelinedRequests) {
  const Serving serving;
  HttpClient client(serving.address());
  const std::string request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send_all(request + request + request);
  const std::string answer = client.read_to_end();
  EXPECT_EQ(answer.find("HTTP/1.1 200"), answer.rfind("HTTP/1.1 200")) << answer;
  EXPECT_EQ(serving.requests(HttpStatus::kOk), 1U);
}

// Request smuggling needs a second request on the connection; there is none.
TEST(HttpServer, NeverTakesABodyForARequest) {
  const Serving serving;
  HttpClient client(serving.address());
  client.send_all(
      "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.read_to_end();
  EXPECT_EQ(answer.find("millrace_x"), std::string::npos) << answer;
}

TEST(HttpServer, DoesNotWaitForABodyThatNobodyWants) {
  const Serving serving;
  HttpClient client(serving.address());
  client.send_all("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n");
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(client.ended());
}

TEST(HttpServer, LetsAScraperInWhenHalfSentRequestsHoldEveryPlace) {
  HttpLimits limits;
  limits.connections_max = 8;
  const Serving serving(plain_handlers(), limits);
  std::vector<std::unique_ptr<HttpClient>> stuck;
  for (int i = 0; i < 100; ++i) {
    stuck.push_back(std::make_unique<HttpClient>(serving.address()));
    ASSERT_TRUE(stuck.back()->connected());
    stuck.back()->send_all("GET /metrics HTTP/1.1\r\nHost:");
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(body_of(ask(serving.address(), "/metrics")), kPage);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, limits.idle_timeout / 2);
  EXPECT_TRUE(serving.eventually([&] { return serving.stats.connections.value() <= 9; }));
  EXPECT_GE(serving.dropped(HttpDrop::kCrowdedOut), 92U);
  EXPECT_TRUE(stuck.front()->wait_for_hangup()) << "the oldest was not cut";
}

TEST(HttpServer, LetsAScraperInWhenReadersThatStoppedHoldEveryPlace) {
  HttpLimits limits;
  limits.connections_max = 4;
  HttpHandlers handlers = plain_handlers();
  handlers.metrics_page = [] { return std::string(std::size_t{16} << 20U, 'x'); };
  const Serving serving(handlers, limits);
  std::vector<std::unique_ptr<HttpClient>> stuck;
  for (int i = 0; i < 12; ++i) {
    stuck.push_back(std::make_unique<HttpClient>(serving.address()));
    stuck.back()->send_all("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_TRUE(ask(serving.address(), "/readyz").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(serving.eventually([&] { return serving.dropped(HttpDrop::kCrowdedOut) >= 8; }));
}

TEST(HttpServer, ClosesAReaderThatStopped) {
  constexpr std::size_t kBytes = std::size_t{16} << 20U;
  std::atomic<bool> asked = false;
  HttpLimits limits;
  limits.idle_timeout = seconds(1);
  HttpHandlers handlers = plain_handlers();
  handlers.metrics_page = [&] {
    asked = true;
    return std::string(kBytes, 'x');
  };
  const Serving serving(handlers, limits);
  HttpClient client(serving.address());
  client.send_all("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(serving.eventually([&] { return asked.load(); }));
  ASSERT_TRUE(serving.eventually([&] { return serving.stats.connections.value() == 0; }));
  const std::string answer = client.read_to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 "));
  EXPECT_LT(answer.size(), kBytes) << "it was delivered whole, so it did not have to be closed";
}

TEST(HttpServer, KeepsNoDescriptorOfClientsThatResetOrVanish) {
  const Serving serving;
  ask(serving.address(), "/metrics");
  ASSERT_TRUE(serving.eventually([&] { return serving.stats.connections.value() == 0; }));
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 500; ++i) {
    HttpClient client(serving.address());
    if (i % 2 == 0) client.send_all("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  ASSERT_TRUE(serving.eventually([&] {
    return serving.stats.connections.value() == 0 && serving.dropped(HttpDrop::kNoRequest) >= 250;
  }));
  EXPECT_EQ(open_descriptors(), before);
}

TEST(HttpServer, StopsAtOnceWhateverItsClientsDo) {
  HttpHandlers handlers = plain_handlers();
  handlers.metrics_page = [] { return std::string(std::size_t{16} << 20U, 'x'); };
  auto serving = std::make_unique<Serving>(handlers);
  HttpClient silent(serving->address());
  HttpClient half(serving->address());
  half.send_all("GET /met");
  HttpClient deaf(serving->address());
  deaf.send_all("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(serving->eventually([&] { return serving->stats.connections.value() >= 3; }));
  const base::Address address = serving->address();
  const auto begin = std::chrono::steady_clock::now();
  serving.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
  EXPECT_FALSE(HttpClient(address).connected());
}

}  // namespace
}  // namespace metrics
