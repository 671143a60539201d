// Looks at the bytes of a configuration before any parser does: yaml-cpp 0.7 takes invalid UTF-8
// and UTF-16 without a word. A pure function.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "config/problem.h"

namespace config {

// The text without a UTF-8 byte order mark.
std::string_view without_bom(std::string_view text);

// yaml-cpp's scanner keeps every token of a line that begins with a bracket: 8 MiB of '[' cost it 2
// GB and 8 s, this much costs 60 MB.
inline constexpr std::size_t kLineBytesMax = std::size_t{256} << 10U;

// Nothing when the text is UTF-8 without control characters (tab, LF and CR LF excepted) and
// without endless lines, else the first fault. Columns count bytes, as yaml-cpp does.
std::optional<Problem> check_text(std::string_view text);

}  // namespace config
