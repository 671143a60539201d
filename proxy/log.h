// The control-plane log: what the operator reads about starting, reloading, listeners and trouble.
// Made by main and passed by reference; any thread may write. A line goes into a bounded queue and
// is written by the log's own thread, so no caller ever waits for a slow stderr; when the queue is
// full the oldest lines go, and the log says how many. Sessions belong to the access log.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/log_output.h"

namespace proxy {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
enum class LogFormat : std::uint8_t {
  kText,  // 2026-11-23T14:31:00.123Z info    listener redis: listening on 0.0.0.0:6379
  kJson   // {"ts":"2026-11-23T14:31:00.123Z","level":"info","msg":"listener redis: ..."}
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

class Log {
 public:
  // Starts the writing thread. output must outlive the log.
  Log(LogOutput& output, const LogOptions& options);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  // Writes what is queued, for at most half a second when the output is blocked.
  ~Log();

  // At start and at reload. Lines already queued get the new format.
  void configure(const LogOptions& options);

  template <typename... Args>
  void debug(fmt::format_string<Args...> text, Args&&... args) {
    write(LogLevel::kDebug, text, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> text, Args&&... args) {
    write(LogLevel::kInfo, text, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> text, Args&&... args) {
    write(LogLevel::kWarning, text, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> text, Args&&... args) {
    write(LogLevel::kError, text, fmt::make_format_args(args...));
  }

  // Lines thrown away since the start: the queue was full or the output refused them.
  std::uint64_t dropped() const;

 private:
  class Writer;  // spdlog's logger, its thread and our sink; kept out of this header.

  void write(LogLevel level, fmt::string_view text, fmt::format_args args);

  std::atomic<LogLevel> level_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace proxy
