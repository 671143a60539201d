#include "proxy/top_view.h"

#include <algorithm>

namespace proxy {
namespace {

// Longer than any name or address that one would type.
constexpr std::size_t kFilterBytesMax = 64;

TopSort next(TopSort sort) {
  switch (sort) {
    case TopSort::kTrouble:
      return TopSort::kSessions;
    case TopSort::kSessions:
      return TopSort::kTraffic;
    case TopSort::kTraffic:
      return TopSort::kName;
    case TopSort::kName:
      return TopSort::kTrouble;
  }
  return TopSort::kTrouble;
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// The last character of UTF-8 is its last byte that does not continue another one, and all after.
void erase_last(std::string& text) {
  constexpr unsigned kTailMask = 0xc0;
  constexpr unsigned kTail = 0x80;
  while (!text.empty()) {
    const unsigned byte = static_cast<unsigned char>(text.back());
    text.pop_back();
    if ((byte & kTailMask) != kTail) break;
  }
}

void type(TopView& view, const TopKey& key) {
  switch (key.kind) {
    case TopKey::Kind::kText:
      if (view.filter.size() + key.text.size() <= kFilterBytesMax) view.filter += key.text;
      break;
    case TopKey::Kind::kErase:
      erase_last(view.filter);
      break;
    case TopKey::Kind::kEscape:
      view.filter.clear();
      view.mode = TopMode::kFigures;
      break;
    case TopKey::Kind::kEnter:
      view.mode = TopMode::kFigures;
      break;
    case TopKey::Kind::kUp:
    case TopKey::Kind::kDown:
    case TopKey::Kind::kPageUp:
    case TopKey::Kind::kPageDown:
    case TopKey::Kind::kHome:
    case TopKey::Kind::kEnd:
    case TopKey::Kind::kOther:
      break;
  }
  view.scroll = 0;
}

// True: the key was one for scrolling.
bool scroll_by(TopView& view, TopKey::Kind kind, const TopScroll& scroll) {
  const std::size_t now = std::min(view.scroll, scroll.last);
  const auto up = [&](std::size_t lines) { view.scroll = now - std::min(now, lines); };
  const auto down = [&](std::size_t lines) { view.scroll = std::min(now + lines, scroll.last); };
  // One line of the page before stays, to find one's place.
  const std::size_t page = std::max<std::size_t>(scroll.page, 2) - 1;
  switch (kind) {
    case TopKey::Kind::kUp:
      up(1);
      return true;
    case TopKey::Kind::kDown:
      down(1);
      return true;
    case TopKey::Kind::kPageUp:
      up(page);
      return true;
    case TopKey::Kind::kPageDown:
      down(page);
      return true;
    case TopKey::Kind::kHome:
      view.scroll = 0;
      return true;
    case TopKey::Kind::kEnd:
      view.scroll = scroll.last;
      return true;
    case TopKey::Kind::kText:
    case TopKey::Kind::kEnter:
    case TopKey::Kind::kEscape:
    case TopKey::Kind::kErase:
    case TopKey::Kind::kOther:
      return false;
  }
  return false;
}

}  // namespace

std::string_view name(TopSort sort) {
  switch (sort) {
    case TopSort::kTrouble:
      return "trouble";
    case TopSort::kSessions:
      return "sessions";
    case TopSort::kTraffic:
      return "traffic";
    case TopSort::kName:
      return "name";
  }
  return "";
}

bool press(TopView& view, const TopKey& key, const TopScroll& scroll) {
  if (view.mode == TopMode::kFilter) {
    type(view, key);
    return true;
  }
  if (scroll_by(view, key.kind, scroll)) return true;
  const auto change_mode = [&view](TopMode mode) {
    view.mode = mode;
    view.scroll = 0;
  };
  if (key.kind == TopKey::Kind::kEscape) {
    if (view.mode == TopMode::kFigures) view.filter.clear();
    change_mode(TopMode::kFigures);
    return true;
  }
  if (key.text == "q") return false;
  if (key.text == "?") {
    change_mode(view.mode == TopMode::kHelp ? TopMode::kFigures : TopMode::kHelp);
  } else if (key.text == "p") {
    view.paused = !view.paused;
  } else if (key.text == "f") {
    change_mode(TopMode::kFilter);
  } else if (key.text == "s") {
    view.sort = next(view.sort);
    change_mode(TopMode::kFigures);
  }
  return true;
}

bool matches(std::string_view text, std::string_view filter) {
  return std::search(text.begin(), text.end(), filter.begin(), filter.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end() ||
         filter.empty();
}

}  // namespace proxy
