// Values in the file's own form; see value_text.h.
#include "config/value_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "config/payload.h"
#include "config/scalars.h"

namespace config {
namespace {

// In double quotes, which YAML and JSON read alike. The reader lets no control character in.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

template <typename T, typename Text>
std::string list_text(const std::vector<T>& values, Text text) {
  std::string out = "[";
  for (const T& value : values) {
    if (out.size() > 1) out += ", ";
    out += in_quotes(text(value));
  }
  return out + "]";
}

}  // namespace

std::string value_text(std::uint32_t value, const IntegerRule& /*rule*/) {
  return std::to_string(value);
}

std::string value_text(base::Nanos value, const DurationRule& /*rule*/) { return to_text(value); }

std::string value_text(std::uint32_t value, const SizeRule& /*rule*/) { return size_text(value); }

std::string value_text(bool value, const BooleanRule& /*rule*/) { return value ? "true" : "false"; }

std::string value_text(const std::string& value, const NameRule& /*rule*/) {
  // What YAML 1.1 reads as a boolean gets quotes too: other programs may read this file.
  constexpr std::array<std::string_view, 6> kOldBooleans = {"y", "n", "yes", "no", "on", "off"};
  std::string lower;
  for (const char c : value) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool boolean =
      std::find(kOldBooleans.begin(), kOldBooleans.end(), lower) != kOldBooleans.end();
  // '-', '.' and digits begin other things than text.
  const bool letter = !lower.empty() && lower.front() >= 'a' && lower.front() <= 'z';
  return letter && !boolean && !is_not_text(value) ? value : in_quotes(value);
}

std::string value_text(const base::Address& value, AddressUse /*use*/) {
  return in_quotes(base::to_string(value));
}

std::string value_text(const std::vector<base::IpPort>& value, const SourcesRule& /*rule*/) {
  if (value.empty()) return in_quotes("");
  if (value.size() == 1) return in_quotes(base::ip_to_string(value.front()));
  return list_text(value, base::ip_to_string);
}

std::string value_text(const std::vector<base::IpPort>& value, const ServersRule& /*rule*/) {
  return list_text(value, [](const base::IpPort& server) {
    return base::to_string(base::Address{.ip = server, .path = {}});
  });
}

std::string value_text(std::uint16_t value, const PortRule& /*rule*/) {
  return std::to_string(value);
}

std::string value_text(const std::string& value, const DnsNameRule& /*rule*/) {
  return in_quotes(value);
}

std::string value_text(const std::string& value, const PayloadRule& /*rule*/) {
  return in_quotes(payload_text(value));
}

std::string value_text(const std::vector<std::string>& value, const WordsRule& /*rule*/) {
  return list_text(value, [](const std::string& word) { return word; });
}

std::string value_text(const Network& value, const NetworkRule& /*rule*/) {
  return in_quotes(base::ip_to_string(value.ip) + "/" + std::to_string(value.bits));
}

std::string value_text(const base::IpPort& value, const GatewayRule& /*rule*/) {
  return in_quotes(value.family == base::Family::kNone ? "" : base::ip_to_string(value));
}

std::string value_text(const std::string& value, const FileRule& /*rule*/) {
  return in_quotes(value);
}

std::string value_text(const AccessOutput& value, const AccessOutputRule& /*rule*/) {
  switch (value.target) {
    case AccessTarget::kStderr:
      return "stderr";
    case AccessTarget::kFile:
      return in_quotes("file:" + value.file);
    case AccessTarget::kSyslog:
      return "syslog";
    case AccessTarget::kJournald:
      return "journald";
  }
  base::check_failed(__FILE__, __LINE__, "a target of the enum");
}

std::string value_text(std::uint32_t value, const RateRule& /*rule*/) {
  return std::to_string(value) + "/s";
}

std::string value_text(const std::string& value, const UserRule& /*rule*/) {
  return in_quotes(value);
}

std::string value_text(const std::optional<std::uint32_t>& value, const AutoIntegerRule& rule) {
  return value ? value_text(*value, rule.integer) : "auto";
}

std::string value_text(const std::optional<std::vector<int>>& value, const CpusRule& /*rule*/) {
  if (!value) return "auto";
  std::string out = "[";
  for (const int cpu : *value) out += (out.size() > 1 ? ", " : "") + std::to_string(cpu);
  return out + "]";
}

}  // namespace config
