// `millrace check`: is this configuration one that `millrace run` would take? On the main thread.
#pragma once

#include <string>

namespace proxy {

struct CheckOptions {
  std::string config_path;
  bool effective = false;  // Print the configuration with all defaults.
};

// Prints every problem to stderr as FILE:LINE:COLUMN: error: …, or to stdout that there is none.
// Binds nothing: whether an address is free only `millrace run` can find out. Returns the exit
// code.
int check_config(const CheckOptions& options);

}  // namespace proxy
