// Short forms for the tests of config: load a text and look at the outcome.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/loader.h"

namespace config::testing {

// What `check` would print, with "" for the file: ":2:5: error: ...".
inline std::vector<std::string> printed(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  lines.reserve(problems.size());
  for (const Problem& problem : problems) lines.push_back(to_string("", problem));
  return lines;
}

// The errors of a text; none when it loads.
inline std::vector<std::string> errors_of(std::string_view text) {
  const Loaded loaded = load_text(text);
  return loaded ? std::vector<std::string>() : printed(loaded.error());
}

// The Config of a text that has to load.
inline Config loaded(std::string_view text) {
  Loaded loaded = load_text(text);
  if (loaded) return std::move(*loaded);
  for (const std::string& line : printed(loaded.error())) ADD_FAILURE() << line;
  return {};
}

// A listener "l" of upstream "u" around the given lines of its own (each indented by four spaces).
inline std::string with_listener(std::string_view lines) {
  return "listeners:\n  - name: l\n    upstream: u\n" + std::string(lines) +
         "upstreams:\n  - name: u\n    endpoints: [{address: \"10.0.0.1:1\"}]\n";
}

// A whole configuration around one more upstream's lines.
inline std::string with_upstream(std::string_view lines) {
  return "listeners: [{name: l, bind: \"127.0.0.1:1\", upstream: u}]\nupstreams:\n  - name: u\n" +
         std::string(lines);
}

inline const std::string kMinimal =
    "listeners: [{name: l, bind: \"127.0.0.1:1\", upstream: u}]\n"
    "upstreams: [{name: u, endpoints: [{address: \"10.0.0.1:1\"}]}]\n";

// The top of the source tree.
inline std::filesystem::path source_root() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
}

}  // namespace config::testing
