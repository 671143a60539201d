// What the whole program is doing, for the pages of the metrics port. Written by main, read by the
// http thread. Owned by main.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <utility>

#include "proxy/snapshot.h"

namespace proxy {

class ProgramStatus {
 public:
  explicit ProgramStatus(std::string_view engine_name) : engine(engine_name) {}

  const std::string_view engine;
  const std::chrono::system_clock::time_point started = std::chrono::system_clock::now();

  std::atomic<bool> ready{false};
  std::atomic<bool> draining{false};
  std::atomic<std::uint64_t> reloads_accepted{0};
  std::atomic<std::uint64_t> reloads_refused{0};
  std::atomic<bool> last_reload_accepted{true};

  // The configuration in force. Null before the first.
  SnapshotPtr snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
  }
  void set_snapshot(SnapshotPtr snapshot) {
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(snapshot);
  }

 private:
  mutable std::mutex mutex_;
  SnapshotPtr snapshot_;
};

}  // namespace proxy
