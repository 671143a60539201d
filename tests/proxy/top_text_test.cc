#include "proxy/top_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace proxy {
namespace {

const TopGlyphs kUnicode = unicode_glyphs();
const TopGlyphs kAscii = ascii_glyphs();

TEST(TopText, LetsNothingThroughThatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[31mb\nc\x7f", kUnicode), "a?[31mb?c?");
  EXPECT_EQ(printable("\u009b31m", kUnicode), "?31m");  // CSI as one character.
  // Right to left from here on; not as a literal, which would mislead whoever reads this.
  const std::string turns = {'a', '\xe2', '\x80', '\xae', 'b'};
  EXPECT_EQ(printable(turns, kUnicode), "a?b");
  EXPECT_EQ(printable(std::string("a\0b", 3), kUnicode), "a?b");
}

TEST(TopText, ReplacesBrokenUtf8ByteByByte) {
  EXPECT_EQ(printable("a\xff", kUnicode), "a?");
  EXPECT_EQ(printable("\xc3", kUnicode), "?");  // The end is missing.
  EXPECT_EQ(printable("\xc3x", kUnicode), "?x");
  EXPECT_EQ(printable("\xc0\x80", kUnicode), "??");            // A longer form of NUL.
  EXPECT_EQ(printable("\xed\xa0\x80", kUnicode), "???");       // Half of a pair.
  EXPECT_EQ(printable("\xf4\x90\x80\x80", kUnicode), "????");  // Beyond the last one.
}

TEST(TopText, KeepsWhatTheTerminalHas) {
  EXPECT_EQ(printable("grün", kUnicode), "grün");
  EXPECT_EQ(printable("grün", kAscii), "gr?n");
  EXPECT_EQ(printable("e\u0301", kUnicode), "e");
}

TEST(TopText, CountsTheCellsOfWideCharacters) {
  EXPECT_EQ(cells_of(std::string_view("grün")), 4U);
  EXPECT_EQ(cells_of(std::string_view("日本")), 4U);
  EXPECT_EQ(cells_of(TopLine{{.text = "a"}, {.text = "日"}}), 3U);
}

TEST(TopText, CutsWithAnEllipsis) {
  EXPECT_EQ(cut("redis", 5, kUnicode), "redis");
  EXPECT_EQ(cut("redis", 4, kUnicode), "red…");
  EXPECT_EQ(cut("redis", 4, kAscii), "red~");
  EXPECT_EQ(cut("redis", 0, kUnicode), "");
  EXPECT_EQ(cut("日本語", 4, kUnicode), "日…");  // Half of a wide one does not fit.
  const TopLine line = {{.text = "ab", .style = TopStyle::kBad}, {.text = "cdef"}};
  EXPECT_EQ(cut(line, 4, kUnicode),
            (TopLine{{.text = "ab", .style = TopStyle::kBad}, {.text = "c…"}}));
  EXPECT_EQ(cut(line, 2, kUnicode), (TopLine{{.text = "a…", .style = TopStyle::kBad}}));
  EXPECT_EQ(cut(line, 6, kUnicode), line);
}

TEST(TopText, WrapsBetweenWords) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(wrap("one two  three", 7, kUnicode), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap("incomprehensible", 6, kUnicode), (Lines{"incom…"}));
  EXPECT_EQ(wrap("", 6, kUnicode), Lines{});
}

TEST(TopText, AlignsToExactlySoManyCells) {
  const TopLine five = {{.text = "12345"}};
  EXPECT_EQ(plain_text(aligned_left(five, 7, kUnicode)), "12345  ");
  EXPECT_EQ(plain_text(aligned_right(five, 7, kUnicode)), "  12345");
  EXPECT_EQ(plain_text(aligned_right(five, 3, kUnicode)), "12…");
  EXPECT_EQ(plain_text(justified(five, {{.text = "r"}}, 8, TopStyle::kPlain, kUnicode)),
            "12345  r");
  EXPECT_EQ(plain_text(justified(five, {{.text = "right"}}, 8, TopStyle::kPlain, kUnicode)),
            "12…right");
  EXPECT_EQ(plain_text(justified(five, {{.text = "right"}}, 3, TopStyle::kPlain, kUnicode)), "ri…");
}

TEST(TopText, FillsABarByEighths) {
  const auto drawn = [](double share, const TopGlyphs& glyphs) {
    return plain_text(bar(share, 4, TopStyle::kBar, glyphs));
  };
  EXPECT_EQ(drawn(0, kUnicode), "····");
  EXPECT_EQ(drawn(0.5, kUnicode), "██··");
  EXPECT_EQ(drawn(0.53125, kUnicode), "██▏·");
  EXPECT_EQ(drawn(1, kUnicode), "████");
  EXPECT_EQ(drawn(7, kUnicode), "████");
  EXPECT_EQ(drawn(-1, kUnicode), "····");
  EXPECT_EQ(drawn(0.0001, kUnicode), "▏···");  // Something is not nothing.
  EXPECT_EQ(drawn(0.5, kAscii), "##..");
  EXPECT_EQ(drawn(0.0001, kAscii), "#...");
}

TEST(TopText, DrawsTheLastValuesOfAChart) {
  EXPECT_EQ(chart({0, 3, 6}, 10, kUnicode), "▁▄▇");
  EXPECT_EQ(chart({100, 3, 6}, 2, kUnicode), "▄▇");  // What is not shown does not scale it.
  EXPECT_EQ(chart({0, 0}, 2, kUnicode), "▁▁");
  EXPECT_EQ(chart({}, 2, kUnicode), "");
  const double endless = std::numeric_limits<double>::infinity();
  EXPECT_EQ(chart({1, endless, endless - endless}, 3, kUnicode), "▁▇▁");
  EXPECT_EQ(chart({1, 2}, 2, kAscii), "");
}

}  // namespace
}  // namespace proxy
