#include "metrics/http_site.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "metrics/http_server.h"
#include "tests/metrics/http_client.h"

namespace metrics {
namespace {

base::Address address_of(const std::string& text) { return base::parse_address(text).value(); }

// A site that takes bodies of at most eight bytes at /body and answers with what it saw.
class EchoSite final : public HttpSite {
 public:
  HttpAdmission admit(const HttpRequest& head) override {
    if (head.authorization == "Bearer no") return {.reply = HttpReply{HttpStatus::kUnauthorized}};
    return {.body_bytes_max = head.target == "/body" ? std::size_t{8} : 0};
  }
  HttpReply answer(const HttpRequest& request) override {
    std::string seen(request.method);
    for (const std::string_view part : {request.target, request.body, request.client}) {
      seen += "|" + std::string(part);
    }
    return {.body = seen, .content_type = "text/x", .headers = {{"X-Own", "1"}}};
  }
  HttpReply too_long(const HttpRequest& /*head*/, std::size_t most) override {
    return {HttpStatus::kTooLarge, "at most " + std::to_string(most)};
  }
  HttpReply too_many(const HttpRequest& /*head*/) override {
    return {HttpStatus::kUnavailable, "later"};
  }
};

struct Echoing {
  explicit Echoing(const base::Address& bind = address_of("127.0.0.1:0"),
                   HttpLimits limits = {.bodies_bytes_max = 12})
      : server(HttpServer::start(bind, std::make_unique<EchoSite>(), stats, limits).value()) {}
  const base::Address& address() const { return server.address(); }

  HttpStats stats;
  HttpServer server;
};

std::string post(const std::string& headers, const std::string& rest) {
  return "POST /body HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + rest;
}

TEST(HttpSite, HandsItsSiteTheBodyAndTheTargetAsTheyWereSent) {
  const Echoing echoing;
  HttpClient client(echoing.address());
  client.send_all(post("Content-Length: 4\r\n", "ab"));
  client.send_all("cd");
  const std::string answer = client.read_to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_NE(answer.find("\r\nX-Own: 1\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(body_of(answer).starts_with("POST|/body|abcd|127.0.0.1:")) << answer;
  EXPECT_TRUE(body_of(ask(echoing.address(), "/%2e%00//a?b=%41+c"))
                  .starts_with("GET|/%2e%00//a?b=%41+c||127.0.0.1:"));
}

TEST(HttpSite, TakesNoTargetThatANulCutsShort) {
  const Echoing echoing;
  HttpClient client(echoing.address());
  client.send_all("GET /x" + std::string(1, '\0') + "y HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_TRUE(client.ended());
}

TEST(HttpSite, TakesABodyInChunks) {
  const Echoing echoing;
  HttpClient client(echoing.address());
  client.send_all(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
  EXPECT_TRUE(body_of(client.read_to_end()).starts_with("POST|/body|abcde|"));
}

TEST(HttpSite, RefusesALongBodyBeforeItComes) {
  const Echoing echoing;
  HttpClient promised(echoing.address());
  promised.send_all(post("Content-Length: 9\r\n", ""));
  const std::string answer = promised.read_to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
  EXPECT_EQ(body_of(answer), "at most 8");
  HttpClient chunked(echoing.address());
  chunked.send_all(post("Transfer-Encoding: chunked\r\n", "9\r\n123456789\r\n0\r\n\r\n"));
  EXPECT_EQ(chunked.read_to_end(), "") << "it cannot be answered before its end, so it is cut";
}

TEST(HttpSite, HoldsBodiesUpToItsLimitForAllClientsTogether) {
  const Echoing echoing;
  HttpClient first(echoing.address());
  first.send_all(post("Content-Length: 8\r\n", "1234567"));
  HttpClient second(echoing.address());
  std::string answer;
  const auto deadline = std::chrono::steady_clock::now() + HttpClient::kPatience;
  // Until the first one's bytes have come.
  while (!answer.starts_with("HTTP/1.1 503 ") && std::chrono::steady_clock::now() < deadline) {
    HttpClient next(echoing.address());
    next.send_all(post("Content-Length: 8\r\n", "abcdefgh"));
    answer = next.read_to_end();
  }
  EXPECT_EQ(body_of(answer), "later");
  first.send_all("8");
  EXPECT_TRUE(body_of(first.read_to_end()).starts_with("POST|/body|12345678|"));
  HttpClient after(echoing.address());
  after.send_all(post("Content-Length: 8\r\n", "abcdefgh"));
  EXPECT_TRUE(body_of(after.read_to_end()).starts_with("POST|/body|abcdefgh|"));
}

TEST(HttpSite, CutsABodyThatTakesTooLong) {
  const Echoing echoing(address_of("127.0.0.1:0"),
                        {.bodies_bytes_max = 12, .body_time_max = base::Nanos{1}});
  HttpClient client(echoing.address());
  client.send_all(post("Content-Length: 4\r\n", "abcd"));
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_TRUE(client.ended());
}

TEST(HttpSite, AnswersAHeadThatItsSiteRefusesWithoutTheBody) {
  const Echoing echoing;
  HttpClient client(echoing.address());
  client.send_all(post("Authorization: Bearer no\r\nContent-Length: 4\r\n", ""));
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 401 "));
}

TEST(HttpSite, SaysWhichProcessIsBehindAUnixSocket) {
  const std::string path = testing::TempDir() + "echo." + std::to_string(getpid()) + ".sock";
  const Echoing echoing(address_of("unix:" + path), {.socket_mode = 0660});
  struct stat file = {};
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777U, 0660U);
  const std::string who = "uid " + std::to_string(geteuid()) + " pid " + std::to_string(getpid());
  EXPECT_EQ(body_of(ask(echoing.address(), "/x")), "GET|/x||" + who);
}

}  // namespace
}  // namespace metrics
