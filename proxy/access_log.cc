#include "proxy/access_log.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/cpu.h"
#include "proxy/access_line.h"

namespace proxy {
namespace {

// A pipe holds 64 KiB: larger pieces would only be taken in parts.
constexpr std::size_t kPieceBytes = std::size_t{64} << 10U;
// A line is about 300 bytes; the piece grows once more when a name is very long.
constexpr std::size_t kLineBytes = 512;
// While the output is blocked, how long the log's thread sleeps before it looks again whether the
// log is about to end.
constexpr base::Nanos kBlockedWait = std::chrono::milliseconds(50);

}  // namespace

AccessLog::AccessLog(LogOutput& standard_error, std::size_t workers, const config::Log& options)
    : standard_error_(standard_error),
      enabled_(options.access),
      format_(options.format),
      sample_(options.access_sample),
      rate_(options.access_rate),
      sink_(open_access_sink({}, standard_error).value()) {
  for (std::size_t i = 0; i < workers; ++i) lanes_.push_back(std::make_unique<Lane>());
  piece_.reserve(kPieceBytes + kLineBytes);
  thread_ = std::thread([this] {
    base::name_this_thread("access-log");
    run();
  });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    give_up_.store(base::monotonic_now() + kFlushMax);
  }
  stop_asked_.notify_one();
  thread_.join();
}

void AccessLog::append(std::size_t worker, const AccessRecord& record) {
  if (!enabled_.load(std::memory_order_relaxed)) return;
  Lane& lane = *lanes_[worker];
  const std::uint32_t sample = sample_.load(std::memory_order_relaxed);
  // Only what ended well is like the next one. The first of a worker is written.
  if (sample > 1 && record.reason.cause == Cause::kEof) {
    if (lane.until_sample != 0 && lane.until_sample < sample) {
      --lane.until_sample;
      lane.sampled_out.add();
      return;
    }
    lane.until_sample = sample - 1;
  }
  if (!lane.ring.try_push(record)) lane.dropped.add();
}

void AccessLog::configure(const config::Log& options, std::unique_ptr<AccessSink> sink) {
  enabled_.store(options.access, std::memory_order_relaxed);
  format_.store(options.format, std::memory_order_relaxed);
  sample_.store(options.access_sample, std::memory_order_relaxed);
  rate_.store(options.access_rate, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  next_sink_ = std::move(sink);
}

std::uint64_t AccessLog::dropped() const {
  std::uint64_t sum = refused_.value();
  for (const auto& lane : lanes_) sum += lane->dropped.value();
  return sum;
}

std::uint64_t AccessLog::left_out_by_sample() const {
  std::uint64_t sum = 0;
  for (const auto& lane : lanes_) sum += lane->sampled_out.value();
  return sum;
}

void AccessLog::run() {
  base::Nanos sleep = kSleepMin;
  for (;;) {
    const bool stopping = give_up_.load() != base::kForever;
    take_sink();
    const bool busy = drain_once();
    if (stopping) return;  // Asked before the last look, so nothing can be left.
    sleep = busy ? kSleepMin : std::min(sleep * 2, kSleepMax);
    std::unique_lock lock(mutex_);
    stop_asked_.wait_for(lock, sleep, [this] { return give_up_.load() != base::kForever; });
  }
}

// The old one is closed with what it had.
void AccessLog::take_sink() {
  std::unique_ptr<AccessSink> next;
  {
    const std::lock_guard lock(mutex_);
    next = std::move(next_sink_);
  }
  if (next != nullptr) sink_ = std::move(next);
}

// True when there was something to write.
bool AccessLog::drain_once() {
  const base::Nanos now = base::monotonic_now();
  const auto wall = std::chrono::system_clock::now();
  const config::LogFormat format = format_.load(std::memory_order_relaxed);
  budget_.refill(rate_.load(std::memory_order_relaxed), now);
  bool busy = false;
  AccessRecord record;
  for (const auto& lane : lanes_) {
    // A ring's worth from each: a worker that fills its ring all the time must not keep the log's
    // thread from the other rings.
    for (std::size_t i = 0; i < kRingRecords && lane->ring.try_pop(record); ++i) {
      busy = true;
      if (!budget_.take()) {
        over_rate_.add();
        continue;
      }
      append_access_line(piece_, format, record, now, wall);
      if (piece_.size() >= kPieceBytes) write_piece();
    }
  }
  // An empty piece too: the end of an earlier one may still wait in the output.
  write_piece();
  return busy;
}

// Waits for a blocked sink until it takes the piece or the log ends.
void AccessLog::write_piece() {
  std::string_view rest = piece_;
  const auto lines = [](std::string_view text) {
    return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  };
  do {
    SinkResult result = sink_->write(rest);
    while (result.outcome == LogOutput::Outcome::kBlocked) {
      if (base::monotonic_now() >= give_up_.load()) {
        result = {LogOutput::Outcome::kLost, rest.size()};
        break;
      }
      sink_->wait_writable(kBlockedWait);
      result = sink_->write(rest);
    }
    const bool taken = result.outcome == LogOutput::Outcome::kTaken;
    (taken ? written_ : refused_).add(lines(rest.substr(0, result.bytes)));
    rest.remove_prefix(result.bytes);
  } while (!rest.empty());
  piece_.clear();
}

}  // namespace proxy
