// Numbers as `millrace top` and `millrace ctl` print them: short, with their units, as the status
// page has them. What is not known is a dash. Pure; any thread.
#pragma once

#include <optional>
#include <string>

namespace proxy {

// "1,234,567": a whole number, rounded.
std::string count_text(double value);
std::string count_text(std::optional<double> value);

// "0/s", "1.25/s", "1,234/s".
std::string rate_text(std::optional<double> per_second);

// "512 B", "1.25 KiB", "98.7 MiB": at least three digits from the first unit on.
std::string bytes_text(std::optional<double> bytes);

// "12.5 MiB/s".
std::string byte_rate_text(std::optional<double> per_second);

// A latency: "85 us", "1.25 ms", "2.50 s". micro: the letter of the millionth part.
std::string latency_text(std::optional<double> seconds, const char* micro);

// 0.5 is "50 %". Below ten with one decimal.
std::string percent_text(std::optional<double> share);

// How long something has been so, in its two largest units: "59 s", "3 min 5 s", "2 d 4 h".
std::string age_text(double seconds);

// "1 session", "1,234 sessions".
std::string things_text(double count, const char* one, const char* many);

}  // namespace proxy
