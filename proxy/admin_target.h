// The target of an admin request, "/v1/upstreams/redis/endpoints/%5B::1%5D:80?x=1", taken apart.
// Strict on purpose: whatever two readers could read differently is an error. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace proxy {

struct AdminTarget {
  // Decoded: {"v1", "upstreams", "redis", ...}. At least one; none is empty, "." or "..".
  std::vector<std::string> segments;
  // Decoded, in order; no key is there twice.
  std::vector<std::pair<std::string, std::string>> query;
};

inline constexpr std::size_t kAdminTargetBytesMax = 4096;

// The error says what would be right.
base::Parsed<AdminTarget> parse_target(std::string_view target);

}  // namespace proxy
