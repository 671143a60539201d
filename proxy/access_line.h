// The access log's line of one session, in either format:
//
//   text: 2026-11-23T14:31:00.123Z access  listener=redis upstream=redis endpoint=10.0.0.1:6379 ...
//   json: {"ts":"2026-11-23T14:31:00.123Z","log":"access","listener":"redis",...}
//
// The fields and their order are public (docs/operations.md). Times are seconds; ts is when the
// session ended. What there is no value for is "-" in text and null in JSON. Any thread.
#pragma once

#include <chrono>
#include <string>

#include "base/time.h"
#include "config/config.h"
#include "proxy/access_record.h"

namespace proxy {

// One line with its newline. now and wall are the same moment on the two clocks: records keep
// monotonic time, because only the log's reader wants the wall clock.
void append_access_line(std::string& out, config::LogFormat format, const AccessRecord& record,
                        base::Nanos now, std::chrono::system_clock::time_point wall);

}  // namespace proxy
