// The status document (proxy/status_document.h) as plain values: what `millrace top` draws. Numbers
// are doubles: rates are made of them, and a counter is exact up to 2^53. Pure; any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace proxy {

// Of the two directions: first to the upstream, then to the client.
using TopBytes = std::array<double, 2>;

// Counters of a listener, an upstream, or everybody; what one of them does not count is 0.
struct TopCounters {
  double accepted = 0;
  double rejected = 0;
  double connect_failures = 0;
  double pool_hits = 0;
  double pool_misses = 0;
  double pool_stale = 0;
  TopBytes bytes{};
};

struct TopListener {
  std::string name;
  std::vector<std::string> binds;
  std::string upstream;  // Empty: only by routes.
  double sessions = 0;
  double max_sessions = 0;  // 0: no limit of its own.
  bool paused = false;
  bool removed = false;
  TopCounters counters;
};

struct TopPool {
  double wanted = 0;
  double idle = 0;
  double connecting = 0;
};

struct TopEndpoint {
  std::string address;
  std::string state;  // One of the document's words, or one of a later version.
  double sessions = 0;
  double max_sessions = 0;
  double weight = 0;
  double priority = 0;
  double connect_failures = 0;
  bool checked = false;
  bool overridden = false;  // By the admin API.
  bool removed = false;
};

struct TopUpstream {
  std::string name;
  std::string balance;
  double sessions = 0;
  double queue = 0;
  bool removed = false;
  std::optional<TopPool> pool;
  std::vector<TopEndpoint> endpoints;
  TopCounters counters;
};

struct TopWorker {
  double index = 0;
  std::string engine;
  double sessions = 0;
  double busy_seconds = 0;
};

struct TopEnd {
  std::string actor;
  std::string cause;
  double count = 0;
};

// Accept until relaying: cumulative counts of at most so many seconds; count is of all.
struct TopLatency {
  double count = 0;
  std::vector<std::pair<double, double>> buckets;
};

struct TopStatus {
  std::string version;
  std::string transport;
  std::string state;
  double now = 0;      // Seconds since 1970.
  double started = 0;  // The same: names the process, too.
  double generation = 0;
  double overrides = 0;
  bool last_reload_accepted = true;
  double sessions = 0;
  TopCounters totals;
  TopLatency setup;
  double log_dropped = 0;
  std::optional<double> resident_bytes, open_fds, max_fds, cpu_seconds;
  std::vector<TopListener> listeners;
  std::vector<TopUpstream> upstreams;
  std::vector<TopWorker> workers;
  std::vector<TopEnd> ends;
};

// The document of a text. The error is a sentence: it is not JSON, or what of a status document is
// not there. Fields that this version does not know are no error.
base::Parsed<TopStatus> parse_top_status(std::string_view text);

}  // namespace proxy
