// `millrace top`: a live view of a running instance in a terminal. On the main thread, but for the
// asking (proxy/top_feed.h).
#pragma once

#include "proxy/api_client.h"

namespace proxy {

inline constexpr double kTopIntervalMin = 0.2;
inline constexpr double kTopIntervalMax = 60;

struct TopOptions {
  ApiTarget target;  // As TopSource takes it.
  double interval_seconds = 1;
};

// Until the reader leaves or a signal says so. Returns the exit code; what went wrong is on stderr.
int run_top(const TopOptions& options);

}  // namespace proxy
