// Bytes as an operator writes them: text in which \r \n \t \0 \\ and \xHH stand for one byte each,
// or "hex:" and pairs of hexadecimal digits. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace config {

// At most `max` bytes. An error goes on where the key's name stops, as in scalars.h, and counts
// characters from 1. Control characters in the text stand for themselves.
base::Parsed<std::string> parse_payload(std::string_view text, std::size_t max);

// A text that is parsed to these bytes again, of printable ASCII only.
std::string payload_text(std::string_view bytes);

}  // namespace config
