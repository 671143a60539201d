#include "config/payload.h"

#include <array>
#include <optional>

namespace config {
namespace {

constexpr std::string_view kHexPrefix = "hex:";
constexpr std::string_view kHexDigits = "0123456789abcdef";

struct Escape {
  char letter;
  char byte;
};
constexpr std::array kEscapes = {Escape{'r', '\r'}, Escape{'n', '\n'}, Escape{'t', '\t'},
                                 Escape{'0', '\0'}, Escape{'\\', '\\'}};

std::optional<unsigned> hex_digit(char c) {
  if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  const std::size_t value = kHexDigits.find(c);
  if (value == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(value);
}

// Two digits at the front of the text.
std::optional<char> hex_byte(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const auto high = hex_digit(text[0]);
  const auto low = hex_digit(text[1]);
  if (!high || !low) return std::nullopt;
  return static_cast<char>(*high << 4U | *low);
}

std::string at(std::size_t position) { return " at character " + std::to_string(position + 1); }

base::Parsed<std::string> parse_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = kHexPrefix.size(); i < text.size(); i += 2) {
    const auto byte = hex_byte(text.substr(i));
    if (!byte) return base::failure("takes pairs of hexadecimal digits after 'hex:'; look" + at(i));
    bytes += *byte;
  }
  return bytes;
}

base::Parsed<std::string> parse_escaped(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes += text[i];
      continue;
    }
    const char letter = i + 1 < text.size() ? text[i + 1] : ' ';
    if (letter == 'x') {
      const auto byte = hex_byte(text.substr(i + 2));
      if (!byte) return base::failure("takes two hexadecimal digits after '\\x'; look" + at(i));
      bytes += *byte;
      i += 3;
      continue;
    }
    bool known = false;
    for (const Escape& escape : kEscapes) {
      if (escape.letter != letter) continue;
      bytes += escape.byte;
      known = true;
    }
    if (!known) {
      return base::failure(R"(takes \r, \n, \t, \0, \\ or \xHH after a backslash; look)" + at(i));
    }
    ++i;
  }
  return bytes;
}

}  // namespace

base::Parsed<std::string> parse_payload(std::string_view text, std::size_t max) {
  auto bytes = text.starts_with(kHexPrefix) ? parse_hex(text) : parse_escaped(text);
  if (bytes && bytes->size() > max) {
    return base::failure("takes at most " + std::to_string(max) + " bytes, not " +
                         std::to_string(bytes->size()));
  }
  return bytes;
}

std::string payload_text(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    const auto code = static_cast<unsigned char>(byte);
    // A text that begins like the other form would be read as that.
    const bool like_hex = text.empty() && bytes.starts_with(kHexPrefix);
    if (code >= 0x20 && code < 0x7f && byte != '\\' && !like_hex) {
      text += byte;
      continue;
    }
    text += '\\';
    bool named = false;
    for (const Escape& escape : kEscapes) {
      // \0 before a digit would look like more than it is.
      if (escape.byte != byte || byte == '\0') continue;
      text += escape.letter;
      named = true;
    }
    if (named) continue;
    text += 'x';
    text += kHexDigits[code >> 4U];
    text += kHexDigits[code & 0xfU];
  }
  return text;
}

}  // namespace config
