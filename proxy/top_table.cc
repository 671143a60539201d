#include "proxy/top_table.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace proxy {
namespace {

constexpr std::size_t kMargin = 1;
constexpr std::size_t kGap = 2;
// What the names keep before another column goes.
constexpr std::size_t kNamesMin = 24;

std::vector<std::size_t> widths(const TopTable& table) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const TopColumn& column = table.columns[i];
    std::size_t width = std::max(column.width, cells_of(std::string_view(column.title)));
    for (const std::vector<TopLine>& row : table.rows) width = std::max(width, cells_of(row.at(i)));
    result.push_back(width);
  }
  return result;
}

// Which columns there is room for, by their indices; shrinks the width of the first.
std::vector<std::size_t> choose(const TopTable& table, std::vector<std::size_t>& width,
                                std::size_t cells) {
  std::vector<std::size_t> kept(table.columns.size());
  std::iota(kept.begin(), kept.end(), std::size_t{0});
  const auto beside_names = [&] {
    std::size_t sum = kMargin;
    for (std::size_t i = 1; i < kept.size(); ++i) sum += kGap + width[kept[i]];
    return sum;
  };
  const std::size_t names = std::min(width[0], kNamesMin);
  while (beside_names() + names > cells) {
    const auto least = std::max_element(kept.begin(), kept.end(), [&](auto a, auto b) {
      return table.columns[a].dispensable < table.columns[b].dispensable;
    });
    if (table.columns[*least].dispensable == 0) break;
    kept.erase(least);
  }
  const std::size_t taken = beside_names();
  width[0] = std::min(width[0], cells > taken ? cells - taken : 0);
  return kept;
}

}  // namespace

std::vector<TopLine> lay_out(const TopTable& table, std::size_t cells, const TopGlyphs& glyphs) {
  CHECK(!table.columns.empty());
  std::vector<std::size_t> width = widths(table);
  const std::vector<std::size_t> kept = choose(table, width, cells);
  const TopSpan margin{.text = std::string(kMargin, ' ')};
  const TopSpan gap{.text = std::string(kGap, ' ')};
  std::vector<TopLine> lines;
  const auto add = [&](auto cell_of) {
    TopLine line = {margin};
    for (const std::size_t i : kept) {
      if (i != 0) line.push_back(gap);
      const TopLine cell = cell_of(i);
      append(line, table.columns[i].right ? aligned_right(cell, width[i], glyphs)
                                          : aligned_left(cell, width[i], glyphs));
    }
    lines.push_back(cut(line, cells, glyphs));
  };
  add([&](std::size_t i) {
    return TopLine{{.text = table.columns[i].title, .style = TopStyle::kHeading}};
  });
  for (const std::vector<TopLine>& row : table.rows) {
    add([&](std::size_t i) { return row[i]; });
  }
  return lines;
}

std::vector<TopLine> beside(const std::vector<TopLine>& left, const std::vector<TopLine>& right,
                            std::size_t from, const TopGlyphs& glyphs) {
  std::vector<TopLine> lines;
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    TopLine line = aligned_left(i < left.size() ? left[i] : TopLine{}, from, glyphs);
    if (i < right.size()) append(line, right[i]);
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace proxy
