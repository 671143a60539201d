// What the reader wants to see: how far down, in which order, which rows; and what a key does to
// that. Knows no terminal. Pure; one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace proxy {

enum class TopSort { kTrouble, kSessions, kTraffic, kName };
std::string_view name(TopSort sort);

// What is over the figures.
enum class TopMode { kFigures, kFilter, kHelp };

struct TopKey {
  enum class Kind {
    kText,
    kUp,
    kDown,
    kPageUp,
    kPageDown,
    kHome,
    kEnd,
    kEnter,
    kEscape,
    kErase,
    kOther,
  };
  Kind kind = Kind::kOther;
  std::string text = {};  // Of kText: one character in UTF-8.
};

struct TopView {
  TopMode mode = TopMode::kFigures;
  TopSort sort = TopSort::kTrouble;
  std::string filter;
  bool paused = false;
  std::size_t scroll = 0;  // Lines of the body that are above the screen.
};

// How much can be scrolled, as the last drawing had it.
struct TopScroll {
  std::size_t page = 1;  // Lines of the body on the screen.
  std::size_t last = 0;  // The largest useful TopView::scroll.
};

// False: the reader wants to leave.
bool press(TopView& view, const TopKey& key, const TopScroll& scroll);

// The text has the filter's letters in it, whatever their case (that of ASCII).
bool matches(std::string_view text, std::string_view filter);

}  // namespace proxy
