#include "proxy/top_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace proxy {
namespace {

const TopGlyphs kGlyphs = unicode_glyphs();

TopTable example() {
  TopTable table;
  table.columns = {{.title = "NAME"},
                   {.title = "ADDRESS", .dispensable = 2},
                   {.title = "STATE"},
                   {.title = "NEW", .right = true, .dispensable = 1, .width = 6}};
  table.rows = {
      {{{.text = "redis"}}, {{.text = "10.0.0.1:1"}}, {{.text = "up"}}, {{.text = "7/s"}}},
      {{{.text = "a-name-that-is-rather-long-indeed"}}, {}, {{.text = "down"}}, {}}};
  return table;
}

std::vector<std::string> texts(const TopTable& table, std::size_t cells) {
  std::vector<std::string> result;
  for (const TopLine& line : lay_out(table, cells, kGlyphs)) result.push_back(plain_text(line));
  return result;
}

using Texts = std::vector<std::string>;

TEST(TopTable, AlignsItsColumns) {
  EXPECT_EQ(texts(example(), 80),
            (Texts{" NAME                               ADDRESS     STATE     NEW",
                   " redis                              10.0.0.1:1  up        7/s",
                   " a-name-that-is-rather-long-indeed              down         "}));
}

TEST(TopTable, CutsNamesBeforeAColumnGoes) {
  const Texts narrow = texts(example(), 52);
  EXPECT_EQ(narrow[0], " NAME                      ADDRESS     STATE     NEW");
  EXPECT_EQ(narrow[2], " a-name-that-is-rather-l…              down         ");
}

TEST(TopTable, LeavesOutWhatMattersLeast) {
  const Texts without_address = texts(example(), 45);
  EXPECT_EQ(without_address[0], " NAME                           STATE     NEW");
  const Texts with_state_only = texts(example(), 32);
  EXPECT_EQ(with_state_only[0], " NAME                      STATE");
  const Texts narrowest = texts(example(), 20);
  EXPECT_EQ(narrowest[0], " NAME          STATE");
  EXPECT_EQ(narrowest[2], " a-name-that…  down ");
}

TEST(TopTable, IsNeverWiderThanItMayBe) {
  for (std::size_t cells = 0; cells < 90; ++cells) {
    for (const TopLine& line : lay_out(example(), cells, kGlyphs)) {
      EXPECT_LE(cells_of(line), cells);
    }
  }
}

TEST(TopTable, TitlesAreHeadings) {
  const std::vector<TopLine> lines = lay_out(example(), 80, kGlyphs);
  EXPECT_EQ(lines[0][1], (TopSpan{.text = "NAME", .style = TopStyle::kHeading}));
}

TEST(TopTable, PutsTwoBlocksBesideEachOther) {
  const std::vector<TopLine> left = {{{.text = "a"}}, {{.text = "too long"}}};
  const std::vector<TopLine> right = {{{.text = "1"}}, {{.text = "2"}}, {{.text = "3"}}};
  const std::vector<TopLine> lines = beside(left, right, 5, kGlyphs);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(plain_text(lines[0]), "a    1");
  EXPECT_EQ(plain_text(lines[1]), "too …2");
  EXPECT_EQ(plain_text(lines[2]), "     3");
  EXPECT_EQ(beside(right, left, 5, kGlyphs).size(), 3U);
}

}  // namespace
}  // namespace proxy
