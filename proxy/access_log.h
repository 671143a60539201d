// The access log: one line for each session that ended. Owned by main, made before the workers and
// gone after them. A worker copies a plain record into its own ring and goes on: it never waits,
// never allocates, and makes no system call. The log's thread empties the rings every few
// milliseconds, makes lines of the records and writes them in large pieces. When nobody reads the
// output, the rings fill up and further records are dropped and counted.
//
//   text: 2026-11-23T14:31:00.123Z access  listener=redis upstream=redis endpoint=10.0.0.1:6379 ...
//   json: {"ts":"2026-11-23T14:31:00.123Z","log":"access","listener":"redis",...}
//
// The fields and their order are public (docs/operations.md). Times are seconds; ts is when the
// session ended. What there is no value for is "-" in text and null in JSON.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/spsc_ring.h"
#include "base/time.h"
#include "config/config.h"
#include "metrics/counter.h"
#include "proxy/access_record.h"
#include "proxy/log_output.h"

namespace proxy {

class AccessLog {
 public:
  // Records a worker may be ahead of the log's thread: at kSleepMax between two visits that is good
  // for 160,000 sessions a second of one worker.
  static constexpr std::size_t kRingRecords = 4096;
  static constexpr base::Nanos kSleepMin = std::chrono::milliseconds(2);
  static constexpr base::Nanos kSleepMax = std::chrono::milliseconds(25);
  // How long the end of the log waits for a blocked output.
  static constexpr base::Nanos kFlushMax = std::chrono::milliseconds(500);

  // Starts the log's thread. output must outlive the log.
  AccessLog(LogOutput& output, std::size_t workers, const config::Log& options);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  // No worker appends any more. Writes what the rings hold, for at most kFlushMax.
  ~AccessLog();

  // The worker's thread. Does nothing while the log is switched off. What the record points to must
  // stay until this log is gone.
  void append(std::size_t worker, const AccessRecord& record);

  // Format, and on or off: at start and at reload. Any thread.
  void configure(const config::Log& options);

  // Lines since the start. A record counts as dropped when its ring was full or the output refused
  // the piece it was in. Any thread.
  std::uint64_t written() const { return written_.value(); }
  std::uint64_t dropped() const;

 private:
  struct alignas(64) Lane {  // A worker's own cache lines.
    Lane() : ring(kRingRecords) {}
    base::SpscRing<AccessRecord> ring;
    metrics::Counter dropped;
  };

  void run();
  bool drain_once();
  void write_piece();

  LogOutput& output_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<bool> enabled_;
  std::atomic<config::LogFormat> format_;
  metrics::Counter written_;
  metrics::Counter refused_;

  // The log's thread alone.
  std::string piece_;
  std::size_t piece_lines_ = 0;

  std::mutex mutex_;
  std::condition_variable stop_asked_;
  std::atomic<base::Nanos> give_up_{base::kForever};  // Set when the log ends; monotonic.
  std::thread thread_;
};

// One line with its newline. now and wall are the same moment on the two clocks: records keep
// monotonic time, because only the log's reader wants the wall clock.
void append_access_line(std::string& out, config::LogFormat format, const AccessRecord& record,
                        base::Nanos now, std::chrono::system_clock::time_point wall);

}  // namespace proxy
