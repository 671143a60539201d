// Whom `millrace ctl` and `millrace top` ask, and how: JSON from a running instance, over its admin
// socket or over TCP. Blocks the thread that calls it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace proxy {

// As the command line gives it. One of socket and url is empty.
struct ApiTarget {
  std::string socket = {};      // Path of a UNIX socket; '@' begins one of the abstract namespace.
  std::string url = {};         // "http://127.0.0.1:9465", with or without a slash at its end.
  std::string token_file = {};  // Empty: no token.
};

class ApiClient {
 public:
  // The error says what would be right.
  static base::Parsed<ApiClient> make(const ApiTarget& target);

  struct Answer {
    int status = 0;
    std::string text;
    bool good() const { return status >= 200 && status < 300; }
  };
  // The error is a sentence with the address and what to look at.
  base::Parsed<Answer> ask(std::string_view method, const std::string& target,
                           std::string_view body, base::Nanos wait_max) const;
  // The document of a GET. The error is a sentence also when the answer is one, or is no JSON.
  base::Parsed<nlohmann::json> get(const std::string& target, base::Nanos wait_max) const;

  const base::Address& address() const { return address_; }

 private:
  ApiClient() = default;

  base::Address address_;
  std::string token_;
};

// The sentence of an answer that is not good: its "error", or its status and first line.
std::string error_of(const ApiClient::Answer& answer);

// One part of a path or one value of a query: everything but letters, digits and "-._~" escaped
// (RFC 3986, 2.3).
std::string percent_encoded(std::string_view text);

}  // namespace proxy
