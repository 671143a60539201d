// The grammar of single values, strict on purpose: 0777, 0x50, 1e3, 5sec and yes mean different
// things to different programs, so here they mean an error. Pure functions; an error says what the
// value has to be
// ("takes an integer from 0 to 65535") and the caller adds the key and what was found.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "config/config.h"

namespace config {

struct IntegerRule {
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  bool or_auto = false;  // For the message only: the word is read elsewhere.
};

struct DurationRule {
  base::Nanos min{0};
  base::Nanos max{0};
  bool zero = false;                                // 0 is allowed beside min to max.
  base::Nanos unit = std::chrono::milliseconds(1);  // The value is a multiple of this.
};

// Bytes, in whole KiB.
struct SizeRule {
  std::uint32_t min = 0;
  std::uint32_t max = 0;
};

enum class AddressUse : std::uint8_t {
  kListen,   // IP or UNIX; port 0 lets the kernel choose.
  kConnect,  // IP or UNIX; a port that can be connected to, and no wildcard.
  kMetrics,  // IP only; port 0 lets the kernel choose.
  kServer,   // IP only; a port that can be sent to, and no wildcard.
  kAdmin,    // UNIX, or a loopback IP; port 0 lets the kernel choose.
};

// Plain decimal digits without sign, leading zero or space.
base::Parsed<std::uint32_t> parse_integer(std::string_view text, const IntegerRule& rule);

// A number and one of ms, s, m, h: "500ms", "1h". "0" needs no unit.
base::Parsed<base::Nanos> parse_duration(std::string_view text, const DurationRule& rule);

// A number and one of KiB, MiB, GiB: "64KiB", "1MiB". The result is in bytes.
base::Parsed<std::uint32_t> parse_size(std::string_view text, const SizeRule& rule);

// true or false.
base::Parsed<bool> parse_boolean(std::string_view text);

// 1 to 64 of A-Z a-z 0-9 _ . -: safe in a log line, a metric label and a URL.
base::Parsed<std::string> parse_name(std::string_view text);

// Refuses what can be written but not used: v4-mapped addresses, link-local ones without a zone.
base::Parsed<base::Address> parse_place(std::string_view text, AddressUse use);

// A host's name as in RFC 1123, and '_' as in SRV names (RFC 2782): labels of 1 to 63 characters,
// 253 in all, one dot at the end allowed. Not an address.
base::Parsed<std::string> parse_dns_name(std::string_view text);

// "IP:PORT", or an IP address alone, which has port 53.
base::Parsed<base::IpPort> parse_dns_server(std::string_view text);

// An IP address without a port; the result has port 0.
base::Parsed<base::IpPort> parse_ip(std::string_view text);

// "10.1.0.2/24": an address that a machine can have as its own, and how many bits its network has.
base::Parsed<Network> parse_network(std::string_view text);

// An absolute path.
base::Parsed<std::string> parse_file(std::string_view text);

// "100/s": a whole number a second, at most `max`.
base::Parsed<std::uint32_t> parse_rate(std::string_view text, std::uint32_t max);

// "stderr", "syslog", "journald", or "file:" and an absolute path.
base::Parsed<AccessOutput> parse_access_output(std::string_view text);

// A user's name as useradd(8) takes it: 1 to 32 of a-z 0-9 _ -, not a digit or '-' first. Whether
// there is such a user, the start tells.
base::Parsed<std::string> parse_user(std::string_view text);

// 1 to 256 printable ASCII characters without spaces.
base::Parsed<std::string> parse_word(std::string_view text);

// "0-3,6": ids and ranges, ascending in the result, each once, none above kCpuMax.
inline constexpr int kCpuMax = 1023;  // CPU_SETSIZE - 1 (man 3 CPU_SET).
base::Parsed<std::vector<int>> parse_cpus(std::string_view text);

// The largest unit that divides it: "90s", "1h", "0". Loads again to the same value.
std::string to_text(base::Nanos duration);

// The same of a size, whose bytes are whole KiB: "1536KiB", "1MiB".
std::string size_text(std::uint32_t bytes);

// True for plain text that YAML's core schema reads as null, a boolean or a number.
bool is_not_text(std::string_view plain);

}  // namespace config
