// Text on a grid of cells: what every drawing of `millrace top` is made of, and how it is made to
// fit. Knows no terminal. Pure; any thread.
//
// Names come from a document that somebody else may have made: nothing of it reaches a terminal but
// characters that are printed. One cell is one column of the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace proxy {

// What a piece of text means. The terminal chooses how that looks, with colours or without.
enum class TopStyle {
  kPlain,
  kStrong,
  kDim,
  kTitle,    // The bars at the top and the bottom.
  kPaused,   // In the bar: not the usual.
  kHeading,  // Of a table.
  kGood,
  kNote,
  kWarning,
  kBad,
  kBar,    // How much of something.
  kChart,  // How something went.
};

struct TopSpan {
  std::string text;
  TopStyle style = TopStyle::kPlain;

  bool operator==(const TopSpan&) const = default;
};

// From the left edge. What follows the last span is empty.
using TopLine = std::vector<TopSpan>;

// The characters that not every terminal has.
struct TopGlyphs {
  bool ascii = false;
  const char* ellipsis = "…";
  const char* micro = "µ";
  const char* dot = "·";
  const char* dash = "–";
  const char* bar_empty = "·";
  const char* good = "●";
  const char* bad = "×";
  const char* warning = "▲";
  const char* note = "◆";
  const char* up_down = "↑↓";
};

TopGlyphs unicode_glyphs();
TopGlyphs ascii_glyphs();

// The text with '?' for control characters, broken UTF-8 and, with ascii, all that is no ASCII.
// Marks that combine with the character before them are left out.
std::string printable(std::string_view text, const TopGlyphs& glyphs);

// Cells that a printable text takes.
std::size_t cells_of(std::string_view text);
std::size_t cells_of(const TopLine& line);

// A printable text in at most so many cells: what is too long ends with the ellipsis.
std::string cut(std::string_view text, std::size_t cells, const TopGlyphs& glyphs);
TopLine cut(const TopLine& line, std::size_t cells, const TopGlyphs& glyphs);

// Printable text over several lines, broken between words.
std::vector<std::string> wrap(std::string_view text, std::size_t cells, const TopGlyphs& glyphs);

// Exactly so many cells: cut, or filled with spaces behind it (left) or before it (right).
TopLine aligned_left(const TopLine& line, std::size_t cells, const TopGlyphs& glyphs);
TopLine aligned_right(const TopLine& line, std::size_t cells, const TopGlyphs& glyphs);

// left, and right at the end of so many cells; where both do not fit, left is cut.
TopLine justified(const TopLine& left, const TopLine& right, std::size_t cells, TopStyle fill,
                  const TopGlyphs& glyphs);

// A bar of so many cells, filled as far as share (0 to 1) says; something that is not nothing
// shows.
TopLine bar(double share, std::size_t cells, TopStyle style, const TopGlyphs& glyphs);

// One column for each of the last values, as many as there are cells, the largest at full height.
// Nothing with ascii, which has no such characters.
std::string chart(const std::vector<double>& values, std::size_t cells, const TopGlyphs& glyphs);

void append(TopLine& line, const TopLine& more);

// The text of a line without its styles.
std::string plain_text(const TopLine& line);

}  // namespace proxy
