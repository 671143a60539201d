#include "proxy/admin_body.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "config/problem.h"

namespace proxy {
namespace {

using nlohmann::json;

// "line 1, column 8" of a byte, both from 1.
std::string place_of(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte == 0 ? 0 : byte - 1, text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0.
  return "line " + std::to_string(lines + 1) + ", column " +
         std::to_string(before.size() - line_start + 1);
}

std::string list(std::initializer_list<std::string_view> keys) {
  std::string text;
  for (const std::string_view key : keys) {
    if (!text.empty()) text += ", ";
    text += "'" + std::string(key) + "'";
  }
  return text;
}

base::Parsed<json> parse_json(std::string_view body) {
  std::set<std::string> seen;
  std::string twice;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1) {
      auto key = parsed.get<std::string>();
      if (!seen.insert(key).second) twice = std::move(key);
    }
    // Nothing we take has depth, and what is left out here cannot grow.
    return depth <= 1 || event == json::parse_event_t::key || event == json::parse_event_t::value;
  };
  try {
    json parsed = json::parse(body, watch);
    if (!twice.empty()) return base::failure("the key " + config::quote(twice) + " is there twice");
    return parsed;
  } catch (const json::parse_error& error) {
    return base::failure("the body is not JSON at " + place_of(body, error.byte));
  } catch (const json::exception&) {
    return base::failure(std::string("the body has a number that is out of range"));
  }
}

}  // namespace

base::Parsed<json> parse_body(std::string_view body, std::initializer_list<std::string_view> keys) {
  if (body.empty()) return json::object();
  auto parsed = parse_json(body);
  if (!parsed) return parsed;
  const std::string right = "the body is an object with " + list(keys);
  if (!parsed->is_object()) return base::failure(right);
  for (const auto& [key, value] : parsed->items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      return base::failure("unknown key " + config::quote(key) + "; " + right);
    }
  }
  return parsed;
}

base::Parsed<std::string> string_of(const json& body, const char* key, std::string_view absent) {
  const auto found = body.find(key);
  if (found == body.end()) return std::string(absent);
  if (!found->is_string()) return base::failure("'" + std::string(key) + "' is a string");
  return found->get<std::string>();
}

}  // namespace proxy
