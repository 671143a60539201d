// `millrace top`: a live view of a running instance in a terminal. On the main thread, but for the
// asking (proxy/top_feed.h).
#pragma once

#include <string>

namespace proxy {

inline constexpr double kTopIntervalMin = 0.2;
inline constexpr double kTopIntervalMax = 60;

struct TopOptions {
  std::string url;     // Of the metrics port, as in "http://127.0.0.1:9464"; empty: that one.
  std::string socket;  // Path of the admin API's socket; asked instead when it is not empty.
  double interval_seconds = 1;
};

// Until the reader leaves or a signal says so. Returns the exit code; what went wrong is on stderr.
int run_top(const TopOptions& options);

}  // namespace proxy
