#include "proxy/http_client.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "proxy/demo_socket.h"
#include "proxy/demo_upstream.h"

namespace {

using namespace std::chrono_literals;

// Takes one connection, reads what is asked up to `until`, says something and hangs up.
class OneAnswer {
 public:
  OneAnswer(std::string until, std::string answer)
      : listener_(std::move(*proxy::listen_on_loopback())),
        until_(std::move(until)),
        answer_(std::move(answer)),
        thread_([this] { serve(); }) {}
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer() {
    if (thread_.joinable()) thread_.join();
  }

  base::Address address() const { return proxy::address_of(listener_.get()); }
  // What was asked, once it is over.
  const std::string& asked() {
    thread_.join();
    return asked_;
  }

 private:
  void serve() {
    pollfd ready{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    static_cast<void>(poll(&ready, 1, 5000));
    const base::UniqueFd fd(accept(listener_.get(), nullptr, nullptr));
    std::array<char, 4096> buffer{};
    while (asked_.find(until_) == std::string::npos) {
      pollfd more{.fd = fd.get(), .events = POLLIN, .revents = 0};
      static_cast<void>(poll(&more, 1, 5000));
      const ssize_t got = recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got <= 0) break;
      asked_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    static_cast<void>(send(fd.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL));
  }

  base::UniqueFd listener_;
  std::string until_;
  std::string asked_;
  std::string answer_;
  std::thread thread_;
};

TEST(HttpGet, GivesStatusAndBody) {
  OneAnswer server("\r\n\r\n", "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nno\n");
  const auto answer = proxy::http_get(server.address(), "/nothing?x=1", 5s);
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "no\n");
  EXPECT_TRUE(server.asked().starts_with("GET /nothing?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
}

TEST(HttpAsk, SendsMethodTokenAndBody) {
  OneAnswer server("the body", "HTTP/1.1 200 OK\r\n\r\n");
  const auto answer =
      proxy::http_ask(server.address(),
                      {.method = "PUT", .target = "/x", .body = "the body", .token = "secret"}, 5s);
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->status, 200);
  const std::string& asked = server.asked();
  EXPECT_TRUE(asked.starts_with("PUT /x HTTP/1.1\r\n")) << asked;
  EXPECT_NE(asked.find("\r\nAuthorization: Bearer secret\r\n"), std::string::npos) << asked;
  EXPECT_NE(asked.find("\r\nContent-Length: 8\r\n"), std::string::npos) << asked;
}

// As a server does that finds a body too long.
TEST(HttpAsk, TakesAnAnswerThatComesBeforeTheEndOfTheQuestion) {
  OneAnswer server("\r\n\r\n", "HTTP/1.1 413 Too long\r\nContent-Length: 2\r\n\r\nno");
  const std::string body(std::size_t{1} << 20U, 'x');
  const auto answer = proxy::http_ask(server.address(), {.target = "/x", .body = body}, 5s);
  // The reset that follows may overtake it; then it says so.
  if (answer) {
    EXPECT_EQ(answer->status, 413);
  } else {
    EXPECT_NE(answer.error().find("ECONNRESET"), std::string::npos) << answer.error();
  }
}

TEST(HttpGet, RefusesHalfAnAnswer) {
  for (const char* half : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
                           "HTTP/1.1 200 OK\r\nContent-L", "HTTP/1.1 ", ""}) {
    OneAnswer server("\r\n\r\n", half);
    EXPECT_FALSE(proxy::http_get(server.address(), "/", 5s)) << half;
  }
}

TEST(HttpGet, GivesUpOnAServerThatNeverEndsItsAnswer) {
  const auto echo = proxy::DemoUpstream::start(1, 8);
  ASSERT_TRUE(echo);
  const auto answer = proxy::http_get((*echo)->addresses()[0], "/metrics", 50ms);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().find("ETIMEDOUT"), std::string::npos) << answer.error();
}

TEST(HttpGet, RefusesAnAnswerThatIsNotHttp) {
  const auto closes_at_once = proxy::DemoUpstream::start(1, 0);
  ASSERT_TRUE(closes_at_once);
  EXPECT_FALSE(proxy::http_get((*closes_at_once)->addresses()[0], "/metrics", 5s));
}

}  // namespace
