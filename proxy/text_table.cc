#include "proxy/text_table.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace proxy {
namespace {

constexpr const char* kGap = "  ";

}  // namespace

void TextTable::add(Row row) {
  CHECK(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

std::string TextTable::text() const {
  Row titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = titles[i].size();
    for (const Row& row : rows_) width = std::max(width, row[i].size());
    widths.push_back(width);
  }
  std::string text;
  const auto add_line = [&](const Row& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string fill(widths[i] - row[i].size(), ' ');
      if (i > 0) line += kGap;
      line += columns_[i].align == Align::kRight ? fill + row[i] : row[i] + fill;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  };
  add_line(titles);
  for (const Row& row : rows_) add_line(row);
  return text;
}

}  // namespace proxy
