// Lists of JSON objects as tables for people: which field goes under which title, and how. What an
// object lacks is a dash: it may come from another version. Pure; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace proxy {

enum class CtlCell : std::uint8_t {
  kText,
  kCount,
  kLimit,  // A count of which 0 means: none.
  kBytes,
  kAge,      // Seconds, in its two largest units.
  kLatency,  // Seconds, of which parts matter.
  kList,     // Texts, with commas between them.
};

struct CtlField {
  const char* title;
  const char* key;
  CtlCell cell = CtlCell::kText;
};

// One field of an object as text; "-" where there is none.
std::string cell_of(const nlohmann::json& object, const char* key, CtlCell cell);

// Titles, and a row for each object of the list.
std::string table_of(const nlohmann::json& list, const std::vector<CtlField>& fields);

// One object, a line for each field: its title, and the text in a column of its own.
std::string lines_of(const nlohmann::json& object, const std::vector<CtlField>& fields);

}  // namespace proxy
