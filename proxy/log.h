// The control-plane log: what the operator reads about starting, reloading, listeners and trouble.
// Made by main and passed by reference; any thread may write. A line goes into a bounded queue and
// is written by the log's own thread, so no caller ever waits for a slow stderr; when the queue is
// full the oldest lines go, and the log says how many. Sessions belong to the access log.
//
//   text: 2026-11-23T14:31:00.123Z info    listener redis: listening on 0.0.0.0:6379
//   json: {"ts":"2026-11-23T14:31:00.123Z","level":"info","msg":"listener redis: ..."}
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/time.h"
#include "config/config.h"
#include "proxy/log_output.h"

namespace proxy {

class Log {
 public:
  // Starts the writing thread. output must outlive the log.
  Log(LogOutput& output, const config::Log& options);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  // Writes what is queued, for at most kFlushMax when the output is blocked.
  ~Log();

  static constexpr base::Nanos kFlushMax = std::chrono::milliseconds(500);
  // Lines that may wait for the writing thread: a reload with many messages, not a flood.
  static constexpr std::size_t kQueueLines = 1024;

  // At start and at reload. Lines already queued get the new format.
  void configure(const config::Log& options);

  // Until the next change or configure(). Any thread.
  void set_level(config::LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  config::LogLevel level() const { return level_.load(std::memory_order_relaxed); }

  template <typename... Args>
  void debug(fmt::format_string<Args...> text, Args&&... args) {
    write(config::LogLevel::kDebug, text, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> text, Args&&... args) {
    write(config::LogLevel::kInfo, text, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> text, Args&&... args) {
    write(config::LogLevel::kWarning, text, fmt::make_format_args(args...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> text, Args&&... args) {
    write(config::LogLevel::kError, text, fmt::make_format_args(args...));
  }

  // Lines thrown away since the start: the queue was full or the output refused them.
  std::uint64_t dropped() const;

 private:
  class Writer;  // spdlog's logger, its thread and our sink; kept out of this header.

  void write(config::LogLevel level, fmt::string_view text, fmt::format_args args);

  std::atomic<config::LogLevel> level_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace proxy
