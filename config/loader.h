// From a file to a Config, or to everything that is wrong with the file. Main thread; takes
// milliseconds for a usual file and is bounded in time and memory for any.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "config/config.h"
#include "config/problem.h"

namespace config {

// The problems are in the order of the file; print them with to_string(file, problem).
using Loaded = tl::expected<Config, std::vector<Problem>>;

// Regular files only: a pipe could block the start, and a reload could not read it a second time.
Loaded load(const std::string& path);

// The text of a whole file.
Loaded load_text(std::string_view text);

}  // namespace config
