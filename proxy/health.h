// `millrace health`: is the instance of this configuration ready? For the health checks of
// containers, whose images have no curl. On the main thread.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace proxy {

struct HealthOptions {
  std::string config_path;  // Its metrics.bind is asked; empty: address, or the default one.
  std::string address;      // Of the metrics port, as in "127.0.0.1:9464".
};

// Asks /readyz and prints the answer. Returns the exit code: 0 ready, 1 not ready or not there,
// 2 the options are wrong.
int check_health(const HealthOptions& options);

// An answer to an HTTP request.
struct HttpAnswer {
  int status = 0;
  std::string body;
};

// GET path from an address, all within wait_max. The error: why there is no answer.
base::Parsed<HttpAnswer> http_get(const base::Address& address, const std::string& path,
                                  base::Nanos wait_max);

}  // namespace proxy
