// The access log: one line for each session that ended. Owned by main, made before the workers and
// gone after them. A worker copies a plain record into its own ring and goes on: it never waits,
// never allocates, and makes no system call. The log's thread empties the rings every few
// milliseconds, makes lines of the records (access_line.h) and gives them to the sink in large
// pieces. When the sink takes none, the rings fill up and further records are dropped and counted.
// What is left out on purpose (log.access_sample, log.access_rate) is counted apart.
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
#include "proxy/access_sink.h"
#include "proxy/line_budget.h"
#include "proxy/log_output.h"

namespace proxy {

class AccessLog {
 public:
  // Records a worker may be ahead of the log's thread: at kSleepMax between two visits that is good
  // for 160,000 sessions a second of one worker.
  static constexpr std::size_t kRingRecords = 4096;
  // Each visit is a wake-up and a write; with 2 ms a line cost twice as much (docs/benchmarks.md).
  static constexpr base::Nanos kSleepMin = std::chrono::milliseconds(10);
  static constexpr base::Nanos kSleepMax = std::chrono::milliseconds(25);
  // How long the end of the log waits for a blocked output.
  static constexpr base::Nanos kFlushMax = std::chrono::milliseconds(500);

  // Starts the log's thread, which writes to standard_error until it is given another sink.
  // standard_error must outlive the log.
  AccessLog(LogOutput& standard_error, std::size_t workers, const config::Log& options);
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;
  // No worker appends any more. Writes what the rings hold, for at most kFlushMax.
  ~AccessLog();

  // The worker's thread. Does nothing while the log is switched off. What the record points to must
  // stay until this log is gone.
  void append(std::size_t worker, const AccessRecord& record);

  // A sink for these options, to be given to configure(): opened now, because it may not be there.
  base::Parsed<std::unique_ptr<AccessSink>> open_sink(const config::Log& options) const {
    return open_access_sink(options.access_output, standard_error_);
  }
  // At start, at reload, and to open a file again. What is in the rings by then goes to either
  // sink. Main thread.
  void configure(const config::Log& options, std::unique_ptr<AccessSink> sink);

  // Lines since the start. A record counts as dropped when its ring was full or the sink lost it.
  // Any thread.
  std::uint64_t written() const { return written_.value(); }
  std::uint64_t dropped() const;
  // Left out on purpose.
  std::uint64_t left_out_by_sample() const;
  std::uint64_t left_out_by_rate() const { return over_rate_.value(); }

 private:
  struct alignas(64) Lane {  // A worker's own cache lines.
    Lane() : ring(kRingRecords) {}
    base::SpscRing<AccessRecord> ring;
    metrics::Counter dropped;
    metrics::Counter sampled_out;
    std::uint32_t until_sample = 0;  // Sessions that ended well and are left out before the next.
  };

  void run();
  void take_sink();
  bool drain_once();
  void write_piece();

  LogOutput& standard_error_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<bool> enabled_;
  std::atomic<config::LogFormat> format_;
  std::atomic<std::uint32_t> sample_;
  std::atomic<std::uint32_t> rate_;
  metrics::Counter written_;
  metrics::Counter refused_;
  metrics::Counter over_rate_;

  // The log's thread alone.
  std::unique_ptr<AccessSink> sink_;
  LineBudget budget_;
  std::string piece_;

  std::mutex mutex_;
  std::unique_ptr<AccessSink> next_sink_;  // From main; null: stay with the one there is.
  std::condition_variable stop_asked_;
  std::atomic<base::Nanos> give_up_{base::kForever};  // Set when the log ends; monotonic.
  std::thread thread_;
};

}  // namespace proxy
