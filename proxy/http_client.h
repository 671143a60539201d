// The other side of metrics/http_server.h, for the commands that ask a running instance: one
// request, one answer, one connection. Blocks the thread that calls it, for a bounded time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace proxy {

struct HttpQuestion {
  std::string_view method = "GET";
  std::string target;           // "/v1/status?x=1": encoded already.
  std::string_view body = {};   // Sent with its length if there is one.
  std::string_view token = {};  // Of "Authorization: Bearer"; empty: no such header.
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// A metrics page of 1,000 endpoints is about a megabyte.
inline constexpr std::size_t kAnswerBytesMax = std::size_t{16} << 20U;

// All within wait_max. An answer counts that comes before the whole question was sent. The error:
// why there is no answer.
base::Parsed<HttpAnswer> http_ask(const base::Address& address, const HttpQuestion& question,
                                  base::Nanos wait_max);

inline base::Parsed<HttpAnswer> http_get(const base::Address& address, const std::string& target,
                                         base::Nanos wait_max) {
  return http_ask(address, {.target = target}, wait_max);
}

}  // namespace proxy
