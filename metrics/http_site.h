// What an HttpServer serves: requests and replies as they are before and after HTTP. Each site is
// owned by its server and called on the http thread only, one call at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/http_stats.h"

namespace metrics {

// Everything as the client sent it, nothing decoded. The views live as long as the call.
struct HttpRequest {
  std::string_view method;                // "GET"
  std::string_view target;                // Path and query: "/v1/sessions?limit=10"
  std::string_view authorization = {};    // The header's value; empty: it was not sent.
  std::string_view accept_encoding = {};  // Likewise.
  std::string_view body = {};             // Empty in HttpSite::admit().
  std::string_view client = {};  // "uid 1000 pid 4711" on a UNIX socket, else "127.0.0.1:50312".
};

struct HttpHeader {
  const char* name;
  std::string value;
};

struct HttpReply {
  HttpStatus status = HttpStatus::kOk;
  std::string body = {};
  const char* content_type = "text/plain; charset=utf-8";
  std::vector<HttpHeader> headers = {};  // Besides those of every reply.
};

// What becomes of a request of which only the head has come.
struct HttpAdmission {
  std::size_t body_bytes_max = 0;       // 0: a body is not even read.
  std::optional<HttpReply> reply = {};  // Set: the answer, without a look at the body.
};

class HttpSite {
 public:
  HttpSite() = default;
  HttpSite(const HttpSite&) = delete;
  HttpSite& operator=(const HttpSite&) = delete;
  virtual ~HttpSite() = default;

  virtual HttpAdmission admit(const HttpRequest& head) = 0;

  // The whole request. Must not throw, and answers quickly: meanwhile nobody else is served.
  virtual HttpReply answer(const HttpRequest& request) = 0;

  // The body is longer than admit() allowed.
  virtual HttpReply too_long(const HttpRequest& head, std::size_t body_bytes_max) = 0;
  // The bodies of other clients leave no room for one more.
  virtual HttpReply too_many(const HttpRequest& head) = 0;
};

}  // namespace metrics
