#include "proxy/admin_target.h"

#include <algorithm>
#include <optional>

namespace proxy {
namespace {

std::optional<unsigned> hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  if (digit >= 'a' && digit <= 'f') return static_cast<unsigned>(digit - 'a' + 10);
  if (digit >= 'A' && digit <= 'F') return static_cast<unsigned>(digit - 'A' + 10);
  return std::nullopt;
}

bool is_printable(char c) { return c > ' ' && c < '\x7f'; }

base::Parsed<std::string> decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = high ? hex_digit(text[i + 2]) : std::nullopt;
    if (!low) return base::failure(std::string("a '%' is followed by two hexadecimal digits"));
    decoded += static_cast<char>(*high << 4U | *low);
    i += 2;
  }
  // Names, addresses and numbers are all that a target has to say.
  if (!std::all_of(decoded.begin(), decoded.end(), is_printable)) {
    return base::failure(std::string("what a '%' encodes is a printable ASCII character"));
  }
  return decoded;
}

base::Parsed<void> parse_path(std::string_view path, AdminTarget& to) {
  while (!path.empty()) {
    path.remove_prefix(1);  // The slash.
    const std::string_view raw = path.substr(0, path.find('/'));
    path.remove_prefix(raw.size());
    auto segment = decode(raw);
    if (!segment) return base::failure(segment.error());
    if (segment->empty() || *segment == "." || *segment == "..") {
      return base::failure(std::string("the parts of a path are neither empty nor '.' nor '..'"));
    }
    to.segments.push_back(*std::move(segment));
  }
  return {};
}

base::Parsed<void> parse_query(std::string_view query, AdminTarget& to) {
  while (true) {
    const std::string_view pair = query.substr(0, query.find('&'));
    const std::size_t equals = pair.find('=');
    auto key = decode(pair.substr(0, equals));
    if (!key) return base::failure(key.error());
    if (equals == std::string_view::npos || key->empty()) {
      return base::failure(std::string("a query is a list of key=value with '&' between them"));
    }
    auto value = decode(pair.substr(equals + 1));
    if (!value) return base::failure(value.error());
    const auto is_same = [&](const auto& known) { return known.first == *key; };
    if (std::any_of(to.query.begin(), to.query.end(), is_same)) {
      return base::failure("'" + *key + "' is in the query twice");
    }
    to.query.emplace_back(*std::move(key), *std::move(value));
    if (pair.size() == query.size()) return {};
    query.remove_prefix(pair.size() + 1);
  }
}

}  // namespace

base::Parsed<AdminTarget> parse_target(std::string_view target) {
  if (target.size() > kAdminTargetBytesMax) {
    return base::failure("a path and its query have at most " +
                         std::to_string(kAdminTargetBytesMax) + " bytes");
  }
  if (!target.starts_with('/')) {
    return base::failure(std::string("a path begins with '/', like /v1/status"));
  }
  if (!std::all_of(target.begin(), target.end(), is_printable)) {
    return base::failure(std::string("a path has printable ASCII characters only"));
  }
  AdminTarget parsed;
  const std::size_t question = target.find('?');
  if (auto path = parse_path(target.substr(0, question), parsed); !path) {
    return base::failure(path.error());
  }
  if (question == std::string_view::npos || question + 1 == target.size()) return parsed;
  if (auto query = parse_query(target.substr(question + 1), parsed); !query) {
    return base::failure(query.error());
  }
  return parsed;
}

}  // namespace proxy
