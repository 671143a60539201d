// Where log lines go: one descriptor, stderr in the program. A reader that stops reading must never
// stop Millrace, so nothing here waits inside write(2): a blocked output says so, and the caller
// decides how long to wait and what to drop. Whole lines only, whoever writes: the control-plane
// log and the access log share one LogOutput from their two threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace proxy {

class LogOutput {
 public:
  // descriptor stays the caller's and must outlive the output. Its flags are left alone: the shell
  // and other processes share them (man 2 fcntl, O_NONBLOCK is of the open file description).
  explicit LogOutput(int descriptor);
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;

  enum class Outcome : std::uint8_t {
    kTaken,    // All of it is written, or its rest will be before anything else is.
    kBlocked,  // None of it: the reader is slow. Try again after wait_writable().
    kLost      // None of it or a part: the disk is full, the reader has gone, the descriptor is
               // closed. Trying again at once is of no use.
  };

  // text: whole lines. Never waits. Any thread.
  Outcome write(std::string_view text);

  // Until the output may take more, at most for wait_max. Any thread.
  void wait_writable(base::Nanos wait_max) const;

 private:
  // What the descriptor is decides how to write without waiting.
  enum class Kind : std::uint8_t {
    kFile,    // Never blocks; also a closed descriptor, which always fails.
    kSocket,  // send(2) takes the wish with each call.
    kOwn,     // A pipe or terminal, opened again without blocking.
    kPolled   // The same, where /proc or the rights do not allow that.
  };

  // At least one byte of text, or why not; EAGAIN when the output is blocked. text is not empty.
  base::Result<std::size_t> write_some(std::string_view text);

  int descriptor_;
  Kind kind_ = Kind::kFile;
  base::UniqueFd own_;  // kOwn only.
  std::mutex mutex_;
  std::string rest_;  // The end of one text that was taken in part.
};

}  // namespace proxy
