// `millrace health`: is the instance of this configuration ready? For the health checks of
// containers, whose images have no curl. On the main thread.
#pragma once

#include <string>

namespace proxy {

struct HealthOptions {
  std::string config_path;  // Its metrics.bind is asked; empty: address, or the default one.
  std::string address;      // Of the metrics port, as in "127.0.0.1:9464".
};

// Asks /readyz and prints the answer. Returns the exit code: 0 ready, 1 not ready or not there,
// 2 the options are wrong.
int check_health(const HealthOptions& options);

}  // namespace proxy
