// What DPDK says, line by line. Its functions return a number; the reason in words is in a log line
// that would be lost on stderr. Owned by Eal. DPDK writes from any of its threads: locked inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace backends::dpdk::eal {

enum class LogLevel : std::uint8_t { kError, kWarning, kInfo };

class EalLog {
 public:
  // Called for each whole line, without its end, on the thread that wrote it, under a lock: it must
  // not call DPDK.
  using Listener = std::function<void(LogLevel, std::string_view)>;

  // DPDK writes here for as long as this lives, and then where it wrote before.
  explicit EalLog(Listener listener);
  ~EalLog();
  EalLog(const EalLog&) = delete;
  EalLog& operator=(const EalLog&) = delete;

  // Of the error lines since forget() (or since the start): the last few, with "; " between them.
  std::string errors() const;
  void forget();

 private:
  static ssize_t write(void* self, const char* text, std::size_t size);
  void add(std::string_view text);
  void end_line();

  Listener listener_;
  std::FILE* stream_ = nullptr;
  std::FILE* previous_ = nullptr;
  mutable std::mutex mutex_;
  std::string line_;                // What came without its end yet.
  std::deque<std::string> errors_;  // Bounded.
};

}  // namespace backends::dpdk::eal
