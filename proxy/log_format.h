// The pieces that log lines are made of, shared by the control-plane log and the access log. They
// append to a string that the caller keeps, so that a line costs no allocation in the long run.
// Whatever bytes come in, a line stays one line and JSON stays valid. Pure functions, any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/time.h"

namespace proxy {

// "2026-11-23T14:31:00.123Z"
void append_timestamp(std::string& out, std::chrono::system_clock::time_point time);

// The text as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// The text as it is, but for control characters, which become \n, \t or \u001b.
void append_one_line(std::string& out, std::string_view text);

// The value of a key=value pair: as it is when it is a plain word, else as a JSON string.
// Nothing is "".
void append_value(std::string& out, std::string_view text);

// Seconds with six digits after the point: "0.000213". Not negative.
void append_seconds(std::string& out, base::Nanos time);

}  // namespace proxy
