// The check of encoding and characters; see text.h.
#include "config/text.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace config {
namespace {

constexpr std::string_view kBom = "\xef\xbb\xbf";

// One decoded character; size 0 means that the bytes are not UTF-8.
struct Character {
  char32_t code = 0;
  std::size_t size = 0;
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  std::size_t size = 0;
  char32_t smallest = 0;
  char32_t code = 0;
  if ((lead & 0xe0U) == 0xc0) {
    size = 2, smallest = 0x80, code = lead & 0x1fU;
  } else if ((lead & 0xf0U) == 0xe0) {
    size = 3, smallest = 0x800, code = lead & 0x0fU;
  } else if ((lead & 0xf8U) == 0xf0) {
    size = 4, smallest = 0x10000, code = lead & 0x07U;
  }
  if (size == 0 || size > text.size()) return {};
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < smallest || code > 0x10ffff || surrogate) return {};
  return {code, size};
}

std::string hex(std::uint32_t value, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (int i = digits - 1; i >= 0; --i)
    out += kDigits[(value >> (4U * static_cast<unsigned>(i))) & 0xfU];
  return out;
}

// What is wrong with a decoded character; empty when nothing is.
std::string fault(char32_t code, std::string_view after) {
  constexpr char32_t kDelete = 0x7f;
  constexpr char32_t kNextLine = 0x85;  // YAML 1.2 section 5.1 allows this one of U+0080..U+009F.
  if (code == '\r') {
    return after.starts_with('\n') ? "" : "a carriage return without a line feed";
  }
  const bool c0 = code < 0x20 && code != '\t' && code != '\n';
  const bool c1 = code >= 0x80 && code < 0xa0 && code != kNextLine;
  if (c0 || c1 || code == kDelete) return "a control character (U+" + hex(code, 4) + ")";
  if (code == 0xfeff) return "a byte order mark inside the text (U+feff)";
  return "";
}

}  // namespace

std::string_view without_bom(std::string_view text) {
  return text.starts_with(kBom) ? text.substr(kBom.size()) : text;
}

std::optional<Problem> check_text(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff") ||
      text.starts_with(std::string_view("\0\0\xfe\xff", 4))) {
    return Problem{{}, "the file is UTF-16 or UTF-32; save it as UTF-8"};
  }
  text = without_bom(text);
  Mark mark;
  while (!text.empty()) {
    const Character character = decode(text);
    if (character.size == 0) {
      const auto byte = static_cast<unsigned char>(text.front());
      return Problem{mark, "not UTF-8: byte 0x" + hex(byte, 2)};
    }
    text.remove_prefix(character.size);
    if (std::string wrong = fault(character.code, text); !wrong.empty()) {
      return Problem{mark, std::move(wrong)};
    }
    if (character.code == '\n') {
      ++mark.line;
      mark.column = 1;
    } else if ((mark.column += static_cast<std::uint32_t>(character.size)) > kLineBytesMax) {
      return Problem{mark, "a line of more than " + std::to_string(kLineBytesMax >> 10U) + " KiB"};
    }
  }
  return std::nullopt;
}

}  // namespace config
