// The status page: what a browser shows at / of the metrics port. Its files are in status_page/,
// embedded by CMake; nothing is read from disk, and nothing is asked of anybody but this port. The
// page itself asks for /status.json, which the program adds.
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/http_pages.h"

namespace metrics {

// The page and its script, style and icon, with the headers that forbid a browser everything else.
// The bodies are constant; any thread.
std::vector<HttpPage> status_page();

// Name and contents of each of its files, and of each once more as name.gz, compressed. CMake makes
// the source of this one (cmake/embed.cmake).
std::span<const std::pair<std::string_view, std::string_view>> status_page_files();

}  // namespace metrics
