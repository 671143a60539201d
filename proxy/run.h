// `millrace run`: the proxy in the foreground, from the first line of the log to the exit code. On
// the main thread.
#pragma once

#include <string>

namespace proxy {

struct RunOptions {
  std::string config_path;
};

// Serves until it is told to stop:
//   SIGTERM, SIGINT  stop accepting, drain for at most shutdown.drain; a second one stops at once
//   SIGQUIT          the same without a deadline
//   SIGHUP           reload the file; a bad one changes nothing
// Returns the exit code: 0 stopped as told, 1 failed at run time, 2 the configuration is wrong.
int run_proxy(const RunOptions& options);

}  // namespace proxy
