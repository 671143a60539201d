#include "proxy/check.h"

#include <fmt/format.h>

#include <cstdio>

#include "config/effective.h"
#include "config/loader.h"
#include "proxy/exit_code.h"

namespace proxy {

int check_config(const CheckOptions& options) {
  const auto loaded = config::load(options.config_path);
  if (!loaded) {
    for (const config::Problem& problem : loaded.error()) {
      fmt::print(stderr, "{}\n", config::to_string(options.config_path, problem));
    }
    return kExitUsage;
  }
  if (options.effective) {
    fmt::print("{}", config::effective(*loaded));
  } else {
    fmt::print("{}: ok ({} listeners, {} upstreams)\n", options.config_path,
               loaded->listeners.size(), loaded->upstreams.size());
  }
  return kExitDone;
}

}  // namespace proxy
