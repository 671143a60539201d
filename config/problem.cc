// Problems and their printed form; see problem.h.
#include "config/problem.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace config {
namespace {

constexpr std::size_t kQuotedMax = 64;  // Longer than every value that can be right, save a path.

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80; }

}  // namespace

std::string to_string(std::string_view file, const Problem& problem) {
  return std::string(file) + ":" + std::to_string(problem.mark.line) + ":" +
         std::to_string(problem.mark.column) + ": error: " + problem.text;
}

std::string to_string(const Mark& mark) {
  return "line " + std::to_string(mark.line) + ", column " + std::to_string(mark.column);
}

std::string quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string_view shown = text;
  if (text.size() > kQuotedMax) {
    std::size_t end = kQuotedMax;
    while (end > 0 && is_continuation(text[end])) --end;  // Never half a character.
    shown = text.substr(0, end);
  }
  std::string out = "'";
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xfU];
    } else {
      out += c;
    }
  }
  out += shown.size() < text.size() ? "...'" : "'";
  return out;
}

void Problems::add(Mark mark, std::string text) {
  if (kept_.size() == kMax) {
    ++dropped_;
    return;
  }
  kept_.push_back({mark, std::move(text)});
}

std::vector<Problem> Problems::sorted() const {
  std::vector<Problem> all = kept_;
  std::stable_sort(all.begin(), all.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.mark.line, a.mark.column) < std::tie(b.mark.line, b.mark.column);
  });
  if (dropped_ > 0) {
    all.push_back({all.back().mark, "and " + std::to_string(dropped_) + " more errors"});
  }
  return all;
}

}  // namespace config
