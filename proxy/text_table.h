// Rows of text in columns, for people at a terminal. Pure; any thread.
#pragma once

#include <string>
#include <vector>

namespace proxy {

enum class Align : std::uint8_t { kLeft, kRight };

class TextTable {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  using Row = std::vector<std::string>;

  // Titles and cells are of characters that take one place each.
  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void add(Row row);

  // The titles and the rows, a line each; no spaces at the ends of lines.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace proxy
