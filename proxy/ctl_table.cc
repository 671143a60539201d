#include "proxy/ctl_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "proxy/number_text.h"
#include "proxy/text_table.h"

namespace proxy {
namespace {

using nlohmann::json;

constexpr const char* kNothing = "-";
// Plain ASCII goes through every pipe.
constexpr const char* kMicro = "u";

bool is_number_cell(CtlCell cell) { return cell != CtlCell::kText && cell != CtlCell::kList; }

std::string list_text(const json& list) {
  std::string text;
  for (const json& each : list) {
    if (!text.empty()) text += ", ";
    text += each.is_string() ? each.get<std::string>() : each.dump();
  }
  return text.empty() ? kNothing : text;
}

std::string number_text(double number, CtlCell cell) {
  switch (cell) {
    case CtlCell::kLimit:
      return number == 0 ? kNothing : count_text(number);
    case CtlCell::kBytes:
      return bytes_text(number);
    case CtlCell::kAge:
      return age_text(number);
    case CtlCell::kLatency:
      return latency_text(number, kMicro);
    case CtlCell::kText:
    case CtlCell::kCount:
    case CtlCell::kList:
      return count_text(number);
  }
  CHECK(false);
}

}  // namespace

std::string cell_of(const json& object, const char* key, CtlCell cell) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (found == object.end() || found->is_null()) return kNothing;
  if (cell == CtlCell::kList && found->is_array()) return list_text(*found);
  if (found->is_number()) return number_text(found->get<double>(), cell);
  if (!found->is_string()) return found->dump();
  const auto text = found->get<std::string>();
  return text.empty() ? kNothing : text;
}

std::string table_of(const json& list, const std::vector<CtlField>& fields) {
  std::vector<TextTable::Column> columns;
  columns.reserve(fields.size());
  for (const CtlField& field : fields) {
    columns.push_back(
        {.title = field.title, .align = is_number_cell(field.cell) ? Align::kRight : Align::kLeft});
  }
  TextTable table(std::move(columns));
  for (const json& object : list) {
    TextTable::Row row;
    for (const CtlField& field : fields) row.push_back(cell_of(object, field.key, field.cell));
    table.add(std::move(row));
  }
  return table.text();
}

std::string lines_of(const json& object, const std::vector<CtlField>& fields) {
  std::size_t width = 0;
  for (const CtlField& field : fields) {
    width = std::max(width, std::string_view(field.title).size());
  }
  std::string text;
  for (const CtlField& field : fields) {
    const std::string title(field.title);
    text += title + std::string(width + 2 - title.size(), ' ') +
            cell_of(object, field.key, field.cell) + '\n';
  }
  return text;
}

}  // namespace proxy
