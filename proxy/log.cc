#include "proxy/log.h"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>

#include <iterator>
#include <string>
#include <string_view>

#include "base/cpu.h"
#include "proxy/log_format.h"

namespace proxy {
namespace {

// While the output is blocked, how long the writing thread sleeps before it looks again whether the
// log is about to end.
constexpr base::Nanos kBlockedWait = std::chrono::milliseconds(50);

std::string_view word(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::warn:
      return "warning";
    case spdlog::level::err:
      return "error";
    case spdlog::level::info:
    case spdlog::level::trace:
    case spdlog::level::critical:
    case spdlog::level::off:
    case spdlog::level::n_levels:
      break;
  }
  return "info";
}

spdlog::level::level_enum to_spdlog(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kDebug:
      return spdlog::level::debug;
    case config::LogLevel::kInfo:
      return spdlog::level::info;
    case config::LogLevel::kWarning:
      return spdlog::level::warn;
    case config::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

void append_line(std::string& out, config::LogFormat format,
                 std::chrono::system_clock::time_point time, std::string_view level,
                 std::string_view text) {
  switch (format) {
    case config::LogFormat::kText:
      append_timestamp(out, time);
      fmt::format_to(std::back_inserter(out), " {:<7} ", level);
      append_one_line(out, text);
      break;
    case config::LogFormat::kJson:
      out += R"({"ts":")";
      append_timestamp(out, time);
      fmt::format_to(std::back_inserter(out), R"(","level":"{}","msg":)", level);
      append_json_string(out, text);
      out += '}';
      break;
  }
  out += '\n';
}

// Formats and writes, on spdlog's one thread; the atomics are for the others.
class Sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit Sink(LogOutput& output) : output_(output) {}

  void configure(config::LogFormat format) { format_.store(format, std::memory_order_relaxed); }
  // The log ends at this time of the monotonic clock: a blocked output is waited for until then.
  void give_up_at(base::Nanos time) { give_up_.store(time, std::memory_order_relaxed); }
  // Whose lost lines to report. Before the first line.
  void watch(spdlog::details::thread_pool& queue) { queue_ = &queue; }
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    report_losses(message.time);
    if (!write_line(message.time, word(message.level),
                    {message.payload.data(), message.payload.size()})) {
      refused_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void flush_() override {}

 private:
  void report_losses(std::chrono::system_clock::time_point now) {
    const std::uint64_t lost = queue_->overrun_counter() + refused();
    if (lost == reported_) return;
    const std::string text =
        fmt::format("{} log lines were lost: nobody read them fast enough", lost - reported_);
    if (write_line(now, word(spdlog::level::warn), text)) reported_ = lost;
  }

  bool write_line(std::chrono::system_clock::time_point time, std::string_view level,
                  std::string_view text) {
    line_.clear();
    append_line(line_, format_.load(std::memory_order_relaxed), time, level, text);
    for (;;) {
      switch (output_.write(line_)) {
        case LogOutput::Outcome::kTaken:
          return true;
        case LogOutput::Outcome::kLost:
          return false;
        case LogOutput::Outcome::kBlocked:
          if (base::monotonic_now() >= give_up_.load(std::memory_order_relaxed)) return false;
          output_.wait_writable(kBlockedWait);
      }
    }
  }

  LogOutput& output_;
  spdlog::details::thread_pool* queue_ = nullptr;
  std::atomic<config::LogFormat> format_{config::LogFormat::kText};
  std::atomic<base::Nanos> give_up_{base::kForever};
  std::atomic<std::uint64_t> refused_{0};
  std::string line_;
  std::uint64_t reported_ = 0;
};

}  // namespace

// spdlog wants its parts in shared_ptr; they stay in here. No registry, no global logger.
class Log::Writer {
 public:
  explicit Writer(LogOutput& output)
      : sink_(std::make_shared<Sink>(output)),
        queue_(std::make_shared<spdlog::details::thread_pool>(
            kQueueLines, 1, [] { base::name_this_thread("log"); })),
        logger_(std::make_shared<spdlog::async_logger>(
            "millrace", sink_, queue_, spdlog::async_overflow_policy::overrun_oldest)) {
    sink_->watch(*queue_);
    logger_->set_level(spdlog::level::trace);  // Log decides about levels.
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  // Ends the queue first: its thread writes what is left.
  ~Writer() {
    sink_->give_up_at(base::monotonic_now() + kFlushMax);
    queue_.reset();
  }

  void configure(config::LogFormat format) { sink_->configure(format); }
  void write(config::LogLevel level, std::string_view line) {
    logger_->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }
  std::uint64_t dropped() const { return sink_->refused() + queue_->overrun_counter(); }

 private:
  std::shared_ptr<Sink> sink_;
  std::shared_ptr<spdlog::details::thread_pool> queue_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

Log::Log(LogOutput& output, const config::Log& options)
    : level_(options.level), writer_(std::make_unique<Writer>(output)) {
  configure(options);
}

Log::~Log() = default;

void Log::configure(const config::Log& options) {
  level_.store(options.level, std::memory_order_relaxed);
  writer_->configure(options.format);
}

std::uint64_t Log::dropped() const { return writer_->dropped(); }

void Log::write(config::LogLevel level, fmt::string_view text, fmt::format_args args) {
  if (level < level_.load(std::memory_order_relaxed)) return;
  fmt::memory_buffer line;
  fmt::vformat_to(std::back_inserter(line), text, args);
  writer_->write(level, {line.data(), line.size()});
}

}  // namespace proxy
