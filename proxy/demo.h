// `millrace demo`: a real proxy under a real load, for a newcomer with five seconds. On the main
// thread, with threads of its own for the load and the upstreams.
#pragma once

#include <chrono>
#include <string>

namespace proxy {

struct DemoOptions {
  std::chrono::seconds duration{5};  // Of the measurements, all together.
  std::string transport = "auto";
  bool hold = false;  // Keep the proxy up afterwards, until SIGINT or SIGTERM.
  std::chrono::steady_clock::time_point main_entered;  // Start times count from here.
};

// Returns the exit code: 0 only if every byte came back as it was sent and no session failed.
int run_demo(const DemoOptions& options);

}  // namespace proxy
