#include "backends/dpdk/eal/eal_log.h"

#include <rte_log.h>

#include "base/assert.h"

namespace backends::dpdk::eal {
namespace {

// The first of them names the cause, the last ones only who gave up.
constexpr std::size_t kErrorsKept = 4;
// A line longer than this is cut into several.
constexpr std::size_t kLineMax = 512;

LogLevel level_of_this_line() {
  const int level = rte_log_cur_msg_loglevel();
  if (level <= 0) return LogLevel::kInfo;  // Not written by rte_log().
  if (level <= static_cast<int>(RTE_LOG_ERR)) return LogLevel::kError;
  return level == static_cast<int>(RTE_LOG_WARNING) ? LogLevel::kWarning : LogLevel::kInfo;
}

}  // namespace

EalLog::EalLog(Listener listener) : listener_(std::move(listener)) {
  cookie_io_functions_t functions{};
  functions.write = &EalLog::write;
  previous_ = rte_log_get_stream();
  stream_ = ::fopencookie(this, "w", functions);
  CHECK(stream_ != nullptr);
  CHECK(rte_openlog_stream(stream_) == 0);
}

EalLog::~EalLog() {
  static_cast<void>(rte_openlog_stream(previous_));
  static_cast<void>(std::fclose(stream_));
}

std::string EalLog::errors() const {
  const std::scoped_lock lock(mutex_);
  std::string text;
  for (const std::string& line : errors_) {
    if (!text.empty()) text += "; ";
    text += line;
  }
  return text;
}

void EalLog::forget() {
  const std::scoped_lock lock(mutex_);
  errors_.clear();
}

// All of it is always taken: a log that fails must not fail DPDK.
ssize_t EalLog::write(void* self, const char* text, std::size_t size) {
  static_cast<EalLog*>(self)->add({text, size});
  return static_cast<ssize_t>(size);
}

void EalLog::add(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  for (const char character : text) {
    if (character == '\n' || line_.size() == kLineMax) end_line();
    if (character != '\n') line_ += character;
  }
}

void EalLog::end_line() {
  if (line_.empty()) return;
  const LogLevel level = level_of_this_line();
  if (level == LogLevel::kError) {
    if (errors_.size() == kErrorsKept) errors_.pop_front();
    errors_.push_back(line_);
  }
  if (listener_) listener_(level, line_);
  line_.clear();
}

}  // namespace backends::dpdk::eal
