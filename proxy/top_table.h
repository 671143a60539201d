// A table that fits: what matters least is left out where there is no room, and the first column,
// the names, gives way last. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proxy/top_text.h"

namespace proxy {

struct TopColumn {
  std::string title;
  bool right = false;     // Numbers.
  int dispensable = 0;    // The highest is left out first; 0: never.
  std::size_t width = 0;  // At least: numbers that grow and shrink do not move what is beside them.
};

struct TopTable {
  std::vector<TopColumn> columns;          // The first: the names; its title names the table.
  std::vector<std::vector<TopLine>> rows;  // As many cells as there are columns.
};

// The titles and the rows, one line each, at most so many cells wide.
std::vector<TopLine> lay_out(const TopTable& table, std::size_t cells, const TopGlyphs& glyphs);

// Two blocks of lines beside each other, the second from this cell on.
std::vector<TopLine> beside(const std::vector<TopLine>& left, const std::vector<TopLine>& right,
                            std::size_t from, const TopGlyphs& glyphs);

}  // namespace proxy
