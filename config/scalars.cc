// The parsers of single values; see scalars.h.
#include "config/scalars.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "config/problem.h"

namespace config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Unit {
  std::string_view suffix;
  base::Nanos length;
};
// Largest first: to_text takes the first that divides.
constexpr std::array kUnits = {Unit{"h", hours(1)}, Unit{"m", minutes(1)}, Unit{"s", seconds(1)},
                               Unit{"ms", milliseconds(1)}};

struct SizeUnit {
  std::string_view suffix;
  std::uint32_t bytes;
};
// Largest first: size_text takes the first that divides.
constexpr std::array kSizeUnits = {SizeUnit{"GiB", 1U << 30U}, SizeUnit{"MiB", 1U << 20U},
                                   SizeUnit{"KiB", 1U << 10U}};

// "takes ..., not 'text'".
auto wrong(std::string takes, std::string_view text) {
  return base::failure(std::move(takes) + ", not " + quote(text));
}

// All of the text as a decimal number without leading zeros; nothing else, and no overflow.
std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (text.empty() || error != std::errc{} || stop != end || leading_zero) return std::nullopt;
  return value;
}

std::string describe(const DurationRule& rule) {
  std::string text = "takes a duration from " + to_text(rule.min) + " to " + to_text(rule.max);
  if (rule.zero) text += ", or 0";
  if (rule.unit > milliseconds(1)) text += ", in whole seconds";
  return text + " (written like 500ms, 5s, 1m or 1h)";
}

std::string describe(const SizeRule& rule) {
  return "takes a size from " + size_text(rule.min) + " to " + size_text(rule.max) +
         " (written like 64KiB or 1MiB)";
}

// A link-local address means nothing without its interface (RFC 4007 section 6).
bool is_link_local(const base::IpPort& ip) {
  return ip.family == base::Family::kV6 && ip.bytes[0] == 0xfe && (ip.bytes[1] & 0xc0U) == 0x80;
}

// 224.0.0.0/4 with all that lies above it, and ff00::/8.
bool is_multicast(const base::IpPort& ip) {
  return ip.family == base::Family::kV4 ? ip.bytes[0] >= 224 : ip.bytes[0] == 0xff;
}

base::Parsed<base::IpPort> usable(const base::IpPort& ip) {
  if (const base::IpPort v4 = base::unmapped(ip); v4.family != ip.family) {
    return base::failure("takes an IPv4 address in its own form, " + base::ip_to_string(v4));
  }
  if (is_link_local(ip) && ip.scope_id == 0) {
    return base::failure("needs the interface of a link-local address, as in " +
                         base::ip_to_string(ip) + "%eth0");
  }
  return ip;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [-+]?(.[0-9]+|[0-9]+(.[0-9]*)?)([eE][-+]?[0-9]+)? of YAML 1.2 section 10.3.2.
bool is_float(std::string_view text) {
  const auto skip_digits = [&text] {
    const std::size_t before = text.size();
    while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
    return before - text.size();
  };
  const auto skip_sign = [&text] {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  };
  skip_sign();
  std::size_t mantissa = skip_digits();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    mantissa += skip_digits();
  }
  if (mantissa == 0) return false;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    skip_sign();
    if (skip_digits() == 0) return false;
  }
  return text.empty();
}

// 0x1f and 0o17 of the same section.
bool is_based(std::string_view text) {
  const bool hex = text.starts_with("0x");
  if (!hex && !text.starts_with("0o")) return false;
  const std::string_view allowed = hex ? "0123456789abcdefABCDEF" : "01234567";
  return text.size() > 2 && text.find_first_not_of(allowed, 2) == std::string_view::npos;
}

}  // namespace

base::Parsed<std::uint32_t> parse_integer(std::string_view text, const IntegerRule& rule) {
  const auto value = digits(text);
  if (!value || *value < rule.min || *value > rule.max) {
    return wrong(std::string(rule.or_auto ? "takes auto or" : "takes") + " an integer from " +
                     std::to_string(rule.min) + " to " + std::to_string(rule.max),
                 text);
  }
  return static_cast<std::uint32_t>(*value);
}

base::Parsed<base::Nanos> parse_duration(std::string_view text, const DurationRule& rule) {
  if (text == "0" && (rule.zero || rule.min.count() == 0)) return base::Nanos{0};
  const std::size_t split = std::min(text.size(), text.find_first_not_of("0123456789"));
  const auto count = digits(text.substr(0, split));
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& candidate) {
    return candidate.suffix == text.substr(split);
  });
  if (!count || unit == kUnits.end()) return wrong(describe(rule), text);
  // Compared before the multiplication, which could overflow.
  const auto most = static_cast<std::uint64_t>(rule.max / unit->length);
  if (*count > most) return wrong(describe(rule), text);
  const base::Nanos value = unit->length * static_cast<std::int64_t>(*count);
  const bool allowed = value >= rule.min || (value.count() == 0 && rule.zero);
  if (!allowed || value % rule.unit != base::Nanos{0}) return wrong(describe(rule), text);
  return value;
}

base::Parsed<std::uint32_t> parse_size(std::string_view text, const SizeRule& rule) {
  const std::size_t split = std::min(text.size(), text.find_first_not_of("0123456789"));
  const auto count = digits(text.substr(0, split));
  const auto unit = std::find_if(
      kSizeUnits.begin(), kSizeUnits.end(),
      [&](const SizeUnit& candidate) { return candidate.suffix == text.substr(split); });
  if (!count || unit == kSizeUnits.end()) return wrong(describe(rule), text);
  // Compared before the multiplication, which could overflow.
  if (*count > rule.max / unit->bytes) return wrong(describe(rule), text);
  const std::uint32_t bytes = static_cast<std::uint32_t>(*count) * unit->bytes;
  if (bytes < rule.min) return wrong(describe(rule), text);
  return bytes;
}

base::Parsed<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return wrong("takes true or false", text);
}

base::Parsed<std::string> parse_name(std::string_view text) {
  constexpr std::size_t kNameMax = 64;
  const auto fits = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || c == '-';
  };
  if (text.empty() || text.size() > kNameMax || !std::all_of(text.begin(), text.end(), fits)) {
    return wrong("takes a name of 1 to 64 characters of A-Z a-z 0-9 _ . -", text);
  }
  return std::string(text);
}

base::Parsed<base::Address> parse_place(std::string_view text, AddressUse use) {
  auto address = base::parse_address(text);
  if (!address) return base::failure("takes an address: " + address.error());
  if (address->family() == base::Family::kUnix) {
    if (use == AddressUse::kMetrics || use == AddressUse::kServer) {
      return wrong("takes an IP address and a port", text);
    }
    return address;
  }
  if (const auto ip = usable(address->ip); !ip) return base::failure(ip.error());
  if (use == AddressUse::kAdmin && !base::is_loopback(address->ip)) {
    return wrong("takes unix: and a path, or a loopback address such as 127.0.0.1:9465", text);
  }
  const bool connects = use == AddressUse::kConnect || use == AddressUse::kServer;
  if (connects && address->ip.port == 0) {
    return wrong("takes a port from 1 to 65535", text);
  }
  if (connects && base::is_wildcard(address->ip)) {
    return wrong("takes an address that can be connected to", text);
  }
  return address;
}

base::Parsed<std::string> parse_dns_name(std::string_view text) {
  constexpr std::size_t kNameMax = 253;
  constexpr std::size_t kLabelMax = 63;
  std::string_view rest = text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
  const auto refuse = [text] { return wrong("takes a DNS name such as redis.internal", text); };
  if (rest.empty() || rest.size() > kNameMax) return refuse();
  std::string_view label;
  for (bool more = true; more;) {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    more = dot != std::string_view::npos;
    if (more) rest.remove_prefix(dot + 1);
    const bool fits = std::all_of(label.begin(), label.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
             c == '-';
    });
    if (label.empty() || label.size() > kLabelMax || !fits) return refuse();
    if (label.starts_with('-') || label.ends_with('-')) return refuse();
  }
  // No top-level domain is a number (RFC 3696 section 2): this is an address.
  if (std::all_of(label.begin(), label.end(), is_digit)) {
    return wrong("takes a DNS name; an address belongs under 'endpoints'", text);
  }
  return std::string(text);
}

base::Parsed<base::IpPort> parse_ip(std::string_view text) {
  const bool v6 = text.find(':') != std::string_view::npos;
  const std::string whole = v6 ? "[" + std::string(text) + "]:0" : std::string(text) + ":0";
  const auto address = base::parse_address(whole);
  if (!address || address->family() == base::Family::kUnix) {
    return wrong("takes an IP address without a port", text);
  }
  return usable(address->ip);
}

base::Parsed<Network> parse_network(std::string_view text) {
  const auto refuse = [text] {
    return wrong("takes an address of this machine and the bits of its network, as in 10.1.0.2/24",
                 text);
  };
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return refuse();
  const auto ip = parse_ip(text.substr(0, slash));
  // Nobody has these as an address of his own, and a link-local one comes without its interface.
  if (!ip || base::is_wildcard(*ip) || base::is_loopback(*ip) || is_multicast(*ip) ||
      is_link_local(*ip)) {
    return refuse();
  }
  const std::uint64_t bits_max = ip->family == base::Family::kV4 ? 32 : 128;
  const auto bits = digits(text.substr(slash + 1));
  if (!bits || *bits == 0 || *bits > bits_max) return refuse();
  return Network{.ip = *ip, .bits = static_cast<std::uint32_t>(*bits)};
}

base::Parsed<std::string> parse_file(std::string_view text) {
  constexpr std::size_t kPathMax = 4095;  // PATH_MAX of Linux without its null byte.
  if (text.size() < 2 || text.size() > kPathMax || !text.starts_with('/')) {
    return wrong("takes the absolute path of a file", text);
  }
  return std::string(text);
}

base::Parsed<std::uint32_t> parse_rate(std::string_view text, std::uint32_t max) {
  const auto refuse = [&] {
    return wrong("takes a rate from 0/s to " + std::to_string(max) + "/s, such as 100/s", text);
  };
  if (!text.ends_with("/s")) return refuse();
  const auto count = digits(text.substr(0, text.size() - 2));
  if (!count || *count > max) return refuse();
  return static_cast<std::uint32_t>(*count);
}

base::Parsed<AccessOutput> parse_access_output(std::string_view text) {
  constexpr std::string_view kFilePrefix = "file:";
  if (text == "stderr") return AccessOutput{};
  if (text == "syslog") return AccessOutput{.target = AccessTarget::kSyslog, .file = {}};
  if (text == "journald") return AccessOutput{.target = AccessTarget::kJournald, .file = {}};
  if (!text.starts_with(kFilePrefix)) {
    return wrong("takes stderr, syslog, journald, or file: and an absolute path", text);
  }
  return parse_file(text.substr(kFilePrefix.size())).map([](std::string path) {
    return AccessOutput{.target = AccessTarget::kFile, .file = std::move(path)};
  });
}

base::Parsed<std::string> parse_user(std::string_view text) {
  constexpr std::size_t kUserMax = 32;
  const auto begins = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  const auto goes_on = [&](char c) { return begins(c) || (c >= '0' && c <= '9') || c == '-'; };
  if (text.empty() || text.size() > kUserMax || !begins(text.front()) ||
      !std::all_of(text.begin(), text.end(), goes_on)) {
    return wrong("takes the name of a user: 1 to 32 of a-z 0-9 _ -, a letter or _ first", text);
  }
  return std::string(text);
}

base::Parsed<std::string> parse_word(std::string_view text) {
  constexpr std::size_t kWordMax = 256;
  const auto fits = [](char c) { return c > ' ' && c <= '~'; };
  if (text.empty() || text.size() > kWordMax || !std::all_of(text.begin(), text.end(), fits)) {
    return wrong("takes words of 1 to 256 printable ASCII characters without spaces", text);
  }
  return std::string(text);
}

base::Parsed<base::IpPort> parse_dns_server(std::string_view text) {
  constexpr std::uint16_t kDnsPort = 53;
  if (auto alone = parse_ip(text)) {
    if (base::is_wildcard(*alone)) return wrong("takes an address that can be connected to", text);
    alone->port = kDnsPort;
    return alone;
  }
  if (!base::parse_address(text)) {
    return wrong("takes the IP address of a DNS server, with or without a port", text);
  }
  return parse_place(text, AddressUse::kServer).map([](const base::Address& address) {
    return address.ip;
  });
}

base::Parsed<std::vector<int>> parse_cpus(std::string_view text) {
  const std::string_view all = text;
  const auto refuse = [all] {
    return wrong("takes auto, or CPU numbers from 0 to " + std::to_string(kCpuMax) +
                     " such as [0, 1, 4] or \"0-1,4\"",
                 all);
  };
  std::vector<int> cpus;
  bool more = true;
  while (more) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    const std::size_t dash = part.find('-');
    const auto first = digits(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : digits(part.substr(dash + 1));
    if (!first || !last || *first > *last || *last > kCpuMax) return refuse();
    for (auto cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<int>(cpu));
    // Each once: more than all of them means that one came twice. Keeps a long list short.
    if (cpus.size() > kCpuMax + 1) return refuse();
  }
  std::sort(cpus.begin(), cpus.end());
  if (const auto twice = std::adjacent_find(cpus.begin(), cpus.end()); twice != cpus.end()) {
    return base::failure("names CPU " + std::to_string(*twice) + " twice");
  }
  return cpus;
}

std::string to_text(base::Nanos duration) {
  if (duration.count() == 0) return "0";
  for (const Unit& unit : kUnits) {
    if (duration % unit.length == base::Nanos{0}) {
      return std::to_string(duration / unit.length) + std::string(unit.suffix);
    }
  }
  return to_text(std::chrono::ceil<milliseconds>(duration));  // No key is finer than 1 ms.
}

std::string size_text(std::uint32_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (bytes >= unit.bytes && bytes % unit.bytes == 0) {
      return std::to_string(bytes / unit.bytes) + std::string(unit.suffix);
    }
  }
  base::check_failed(__FILE__, __LINE__, "a size is in whole KiB");
}

bool is_not_text(std::string_view plain) {
  constexpr std::array<std::string_view, 19> kWords = {
      "",      "~",    "null",  "Null",  "NULL", "true",  "True",  "TRUE", "false", "False",
      "FALSE", ".inf", "-.inf", "+.inf", ".Inf", "-.Inf", "+.Inf", ".nan", ".NaN"};
  return std::find(kWords.begin(), kWords.end(), plain) != kWords.end() || is_float(plain) ||
         is_based(plain);
}

}  // namespace config
