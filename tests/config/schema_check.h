// A JSON Schema validator as small as our schema: every keyword that config/schema.cc writes, and
// no other. A keyword it does not know is a failed test, so a new one cannot go unchecked.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

namespace config::testing {

using Json = nlohmann::ordered_json;

inline bool matches(const Json& schema, const Json& value);

inline bool has_type(const std::string& type, const Json& value) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  ADD_FAILURE() << "the schema has a type '" << type << "'";
  return false;
}

inline std::size_t count_matches(const Json& schemas, const Json& value) {
  return static_cast<std::size_t>(std::count_if(
      schemas.begin(), schemas.end(), [&](const Json& schema) { return matches(schema, value); }));
}

// Keywords about objects say nothing about other values, as the standard has it; likewise for the
// others.
inline bool object_matches(const Json& schema, const Json& value) {
  if (!value.is_object()) return true;
  for (const auto& name : schema.value("required", Json::array())) {
    if (!value.contains(name.get<std::string>())) return false;
  }
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, member] : value.items()) {
    if (properties.contains(name)) {
      if (!matches(properties[name], member)) return false;
    } else if (!schema.value("additionalProperties", true)) {
      return false;
    }
  }
  return true;
}

inline bool array_matches(const Json& schema, const Json& value) {
  if (!value.is_array()) return true;
  if (value.size() < schema.value("minItems", std::size_t{0})) return false;
  if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<std::size_t>())
    return false;
  if (schema.value("uniqueItems", false) &&
      std::set<Json>(value.begin(), value.end()).size() != value.size()) {
    return false;
  }
  return !schema.contains("items") ||
         std::all_of(value.begin(), value.end(),
                     [&](const Json& item) { return matches(schema["items"], item); });
}

// Each pattern is compiled once: that takes much longer than matching.
inline const std::regex& compiled(const std::string& pattern) {
  static std::map<std::string, std::regex> all;
  const auto found = all.find(pattern);
  return found != all.end() ? found->second : all.emplace(pattern, pattern).first->second;
}

inline bool scalar_matches(const Json& schema, const Json& value) {
  if (schema.contains("const") && schema["const"] != value) return false;
  if (schema.contains("enum")) {
    const Json& all = schema["enum"];
    if (std::find(all.begin(), all.end(), value) == all.end()) return false;
  }
  if (value.is_string() && schema.contains("pattern")) {
    if (!std::regex_search(value.get<std::string>(),
                           compiled(schema["pattern"].get<std::string>()))) {
      return false;
    }
  }
  if (!value.is_number()) return true;
  if (schema.contains("minimum") && value < schema["minimum"]) return false;
  return !schema.contains("maximum") || value <= schema["maximum"];
}

inline bool matches(const Json& schema, const Json& value) {
  static const std::set<std::string> kKeywords = {
      "$schema",  "title",    "description", "default",
      "type",     "required", "properties",  "additionalProperties",
      "minItems", "maxItems", "uniqueItems", "items",
      "const",    "enum",     "pattern",     "minimum",
      "maximum",  "anyOf",    "oneOf",       "not"};
  for (const auto& [keyword, unused] : schema.items()) {
    EXPECT_TRUE(kKeywords.contains(keyword)) << "the schema has a keyword '" << keyword << "'";
  }
  if (schema.contains("type") && !has_type(schema["type"], value)) return false;
  if (schema.contains("anyOf") && count_matches(schema["anyOf"], value) == 0) return false;
  if (schema.contains("oneOf") && count_matches(schema["oneOf"], value) != 1) return false;
  if (schema.contains("not") && matches(schema["not"], value)) return false;
  return object_matches(schema, value) && array_matches(schema, value) &&
         scalar_matches(schema, value);
}

}  // namespace config::testing
