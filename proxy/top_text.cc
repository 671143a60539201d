#include "proxy/top_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace proxy {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first character of a text that has one. What is no UTF-8 is one byte that is not valid.
Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  constexpr unsigned kAscii = 0x80;
  if (byte(0) < kAscii) return {.code = byte(0), .bytes = 1, .valid = true};
  struct Form {
    unsigned mask, lead;
    std::size_t bytes;
    char32_t least;  // What is smaller has a shorter form, which is the only right one.
  };
  constexpr std::array<Form, 3> kForms = {
      {{0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}}};
  constexpr unsigned kTailMask = 0xc0;
  constexpr unsigned kTail = 0x80;
  constexpr unsigned kTailBits = 6;
  constexpr char32_t kLast = 0x10ffff;
  for (const Form& form : kForms) {
    if ((byte(0) & form.mask) != form.lead || text.size() < form.bytes) continue;
    char32_t code = byte(0) & ~form.mask;
    bool tails = true;
    for (std::size_t i = 1; i < form.bytes; ++i) {
      tails = tails && (byte(i) & kTailMask) == kTail;
      code = (code << kTailBits) | (byte(i) & ~kTailMask);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (tails && code >= form.least && code <= kLast && !surrogate) {
      return {.code = code, .bytes = form.bytes, .valid = true};
    }
  }
  return {};
}

struct Range {
  char32_t first, last;
};

template <std::size_t N>
bool in_one_of(const std::array<Range, N>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(), [code](const Range& range) {
    return range.first <= code && code <= range.last;
  });
}

// Control characters, and those that turn the direction of what follows.
bool is_control(char32_t code) {
  constexpr std::array<Range, 6> kControls = {{{0x00, 0x1f},
                                               {0x7f, 0x9f},
                                               {0x2028, 0x202e},
                                               {0x2066, 0x2069},
                                               {0xfff9, 0xfffb},
                                               {0xe0000, 0x10ffff}}};
  return in_one_of(kControls, code);
}

bool is_combining(char32_t code) {
  constexpr std::array<Range, 7> kCombining = {{{0x300, 0x36f},
                                                {0x483, 0x489},
                                                {0x591, 0x5bd},
                                                {0x1ab0, 0x1aff},
                                                {0x200b, 0x200f},
                                                {0x20d0, 0x20ff},
                                                {0xfe00, 0xfe0f}}};
  return in_one_of(kCombining, code);
}

// East Asian characters and pictures take two cells. The wcwidth() of the C library depends on the
// locale of the process, and a test has none.
bool is_wide(char32_t code) {
  constexpr std::array<Range, 9> kWide = {{{0x1100, 0x115f},
                                           {0x2e80, 0xa4cf},
                                           {0xac00, 0xd7a3},
                                           {0xf900, 0xfaff},
                                           {0xfe30, 0xfe6f},
                                           {0xff00, 0xff60},
                                           {0xffe0, 0xffe6},
                                           {0x1f300, 0x1faff},
                                           {0x20000, 0x3fffd}}};
  return in_one_of(kWide, code);
}

std::size_t cells_of(char32_t code) { return is_wide(code) ? 2 : 1; }

// The longest beginning of a printable text that takes at most so many cells.
std::string_view beginning(std::string_view text, std::size_t cells) {
  std::size_t end = 0;
  while (end < text.size()) {
    const Character next = first_of(text.substr(end));
    const std::size_t wanted = cells_of(next.code);
    if (wanted > cells) break;
    cells -= wanted;
    end += next.bytes;
  }
  return text.substr(0, end);
}

TopSpan spaces(std::size_t cells, TopStyle style = TopStyle::kPlain) {
  return {.text = std::string(cells, ' '), .style = style};
}

}  // namespace

TopGlyphs unicode_glyphs() { return {}; }

TopGlyphs ascii_glyphs() {
  return {.ascii = true,
          .ellipsis = "~",
          .micro = "u",
          .dot = "-",
          .dash = "-",
          .bar_empty = ".",
          .good = "+",
          .bad = "x",
          .warning = "!",
          .note = "*",
          .up_down = "Up/Dn"};
}

std::string printable(std::string_view text, const TopGlyphs& glyphs) {
  constexpr char32_t kAsciiEnd = 0x7f;
  std::string result;
  while (!text.empty()) {
    const Character next = first_of(text);
    const bool bad =
        !next.valid || is_control(next.code) || (glyphs.ascii && next.code >= kAsciiEnd);
    if (bad) {
      result += '?';
    } else if (!is_combining(next.code)) {
      result += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return result;
}

std::size_t cells_of(std::string_view text) {
  std::size_t cells = 0;
  while (!text.empty()) {
    const Character next = first_of(text);
    cells += cells_of(next.code);
    text.remove_prefix(next.bytes);
  }
  return cells;
}

std::size_t cells_of(const TopLine& line) {
  std::size_t cells = 0;
  for (const TopSpan& span : line) cells += cells_of(std::string_view(span.text));
  return cells;
}

std::string cut(std::string_view text, std::size_t cells, const TopGlyphs& glyphs) {
  if (cells_of(text) <= cells) return std::string(text);
  if (cells == 0) return {};
  return std::string(beginning(text, cells - 1)) + glyphs.ellipsis;
}

TopLine cut(const TopLine& line, std::size_t cells, const TopGlyphs& glyphs) {
  if (cells_of(line) <= cells) return line;
  TopLine result;
  for (const TopSpan& span : line) {
    const std::size_t wanted = cells_of(std::string_view(span.text));
    if (wanted < cells) {
      result.push_back(span);
      cells -= wanted;
      continue;
    }
    // This one, or the one after it, is too long: the ellipsis needs the last cell.
    if (cells > 0) {
      result.push_back({.text = std::string(beginning(span.text, cells - 1)) + glyphs.ellipsis,
                        .style = span.style});
    }
    break;
  }
  return result;
}

std::vector<std::string> wrap(std::string_view text, std::size_t cells, const TopGlyphs& glyphs) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!line.empty() && cells_of(line) + 1 + cells_of(word) > cells) {
      lines.push_back(std::move(line));
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += cut(word, cells, glyphs);
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

TopLine aligned_left(const TopLine& line, std::size_t cells, const TopGlyphs& glyphs) {
  TopLine result = cut(line, cells, glyphs);
  if (const std::size_t have = cells_of(result); have < cells) {
    result.push_back(spaces(cells - have));
  }
  return result;
}

TopLine aligned_right(const TopLine& line, std::size_t cells, const TopGlyphs& glyphs) {
  TopLine result = cut(line, cells, glyphs);
  if (const std::size_t have = cells_of(result); have < cells) {
    result.insert(result.begin(), spaces(cells - have));
  }
  return result;
}

TopLine justified(const TopLine& left, const TopLine& right, std::size_t cells, TopStyle fill,
                  const TopGlyphs& glyphs) {
  TopLine end = cut(right, cells, glyphs);
  const std::size_t room = cells - cells_of(end);
  TopLine result = cut(left, room, glyphs);
  if (const std::size_t have = cells_of(result); have < room) {
    result.push_back(spaces(room - have, fill));
  }
  append(result, end);
  return result;
}

TopLine bar(double share, std::size_t cells, TopStyle style, const TopGlyphs& glyphs) {
  constexpr std::array kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  constexpr std::size_t kParts = kEighths.size();
  const double parts_a_cell = glyphs.ascii ? 1 : static_cast<double>(kParts);
  const double wanted =
      std::clamp(std::isnan(share) ? 0 : share, 0.0, 1.0) * static_cast<double>(cells);
  auto parts = static_cast<std::size_t>(std::lround(wanted * parts_a_cell));
  if (parts == 0 && share > 0) parts = 1;
  std::string full;
  std::size_t used = 0;
  if (glyphs.ascii) {
    full.assign(parts, '#');
    used = parts;
  } else {
    for (; used < parts / kParts; ++used) full += "█";
    if (parts % kParts != 0) {
      full += kEighths.at(parts % kParts);
      ++used;
    }
  }
  std::string empty;
  for (; used < cells; ++used) empty += glyphs.bar_empty;
  TopLine line;
  if (!full.empty()) line.push_back({.text = full, .style = style});
  if (!empty.empty()) line.push_back({.text = empty, .style = TopStyle::kDim});
  return line;
}

std::string chart(const std::vector<double>& values, std::size_t cells, const TopGlyphs& glyphs) {
  // Not the full block: it would touch the chart of the line above.
  constexpr std::array kHeights = {"▁", "▂", "▃", "▄", "▅", "▆", "▇"};
  if (glyphs.ascii || values.empty()) return {};
  const std::size_t shown = std::min(cells, values.size());
  const auto first = values.end() - static_cast<std::ptrdiff_t>(shown);
  double largest = 0;
  for (auto value = first; value != values.end(); ++value) largest = std::max(largest, *value);
  std::string text;
  for (auto value = first; value != values.end(); ++value) {
    // Of endless numbers the share is none at all.
    double share = *value >= largest && largest > 0 ? 1 : std::max(*value, 0.0) / largest;
    if (!(share >= 0)) share = 0;
    text += kHeights.at(static_cast<std::size_t>(std::lround(share * (kHeights.size() - 1))));
  }
  return text;
}

void append(TopLine& line, const TopLine& more) {
  line.insert(line.end(), more.begin(), more.end());
}

std::string plain_text(const TopLine& line) {
  std::string text;
  for (const TopSpan& span : line) text += span.text;
  return text;
}

}  // namespace proxy
