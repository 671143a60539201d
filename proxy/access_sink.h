// Where the access log's lines go. Opened by main, so that what cannot be opened is an error of the
// configuration; then owned by the access log and used on its thread. A sink never waits: one that
// cannot take a line now says so, and the log decides how long to wait.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "config/config.h"
#include "proxy/log_output.h"

namespace proxy {

// What became of the first `bytes` of a text: they were taken, or they are lost. Blocked: 0 bytes.
struct SinkResult {
  LogOutput::Outcome outcome = LogOutput::Outcome::kBlocked;
  std::size_t bytes = 0;
};

class AccessSink {
 public:
  AccessSink() = default;
  AccessSink(const AccessSink&) = delete;
  AccessSink& operator=(const AccessSink&) = delete;
  virtual ~AccessSink() = default;

  // text: whole lines. The result ends at the end of a line; call again with the rest.
  virtual SinkResult write(std::string_view text) = 0;
  // Until it may take more, at most for wait_max.
  virtual void wait_writable(base::Nanos wait_max) = 0;
};

// Of log.access_output. standard_error outlives the sink. A file is created where there is none
// (mode 0640); a sentence with its name when it cannot be written to. The sockets of syslog and
// journald need not be there yet: lines are lost until they are.
base::Parsed<std::unique_ptr<AccessSink>> open_access_sink(const config::AccessOutput& where,
                                                           LogOutput& standard_error);

}  // namespace proxy
