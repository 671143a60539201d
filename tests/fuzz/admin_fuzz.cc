// Any bytes as an admin request: a method and a target in the first line, the body after it. No
// crash, and what the parsers promise about what they let through.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "proxy/admin_body.h"
#include "proxy/admin_routes.h"
#include "proxy/admin_target.h"

namespace {

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

void check_target(std::string_view method, std::string_view text) {
  const auto target = proxy::parse_target(text);
  if (!target) {
    CHECK(!target.error().empty());
    return;
  }
  CHECK(!target->segments.empty());
  for (const std::string& segment : target->segments) {
    CHECK(!segment.empty() && segment != "." && segment != ".." && is_printable(segment));
  }
  std::set<std::string> keys;
  for (const auto& [key, value] : target->query) {
    CHECK(!key.empty() && is_printable(key) && is_printable(value) && keys.insert(key).second);
  }
  const proxy::AdminMatch found = proxy::match(method, target->segments);
  CHECK(found.route == nullptr || found.allow.empty());
  CHECK(found.route == nullptr ||
        found.names.size() == static_cast<std::size_t>(std::count(
                                  found.route->pattern.begin(), found.route->pattern.end(), '{')));
}

void check_body(std::string_view text) {
  const auto body = proxy::parse_body(text, {"state", "weight"});
  if (!body) {
    CHECK(!body.error().empty());
    return;
  }
  CHECK(body->is_object() && body->size() <= 2);
  const auto state = proxy::string_of(*body, "state", "ready");
  CHECK(state || !state.error().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const std::string_view whole = text;
  const std::string_view line = whole.substr(0, whole.find('\n'));
  const std::size_t space = std::min(line.find(' '), line.size());
  check_target(line.substr(0, space), line.substr(std::min(space + 1, line.size())));
  check_body(whole.substr(std::min(line.size() + 1, whole.size())));
  return 0;
}
