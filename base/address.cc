#include "base/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "base/assert.h"

namespace base {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kPathMax = sizeof(sockaddr_un::sun_path) - 1;

Parsed<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (error != std::errc{} || end != text.data() + text.size() || leading_zero) {
    return failure("'" + std::string(text) + "' is not a port (0 to 65535)");
  }
  return port;
}

Parsed<std::uint32_t> parse_scope(const std::string& text) {
  const std::uint32_t index = if_nametoindex(text.c_str());
  if (index == 0) return failure("there is no network interface '" + text + "'");
  return index;
}

Parsed<Address> parse_unix(std::string_view path) {
  if (path.empty() || path == "@") {
    return failure(std::string("a UNIX socket needs a path after 'unix:'"));
  }
  if (path.size() > kPathMax) {
    return failure("the path has " + std::to_string(path.size()) + " bytes; a UNIX socket takes " +
                   std::to_string(kPathMax));
  }
  if (path.find('\0') != std::string_view::npos) {
    return failure(std::string("the path holds a NUL byte"));
  }
  Address address;
  address.ip.family = Family::kUnix;
  address.path = path;
  return address;
}

Parsed<Address> parse_v6(std::string_view text) {
  const std::size_t close = text.find("]:");
  if (close == std::string_view::npos) {
    return failure("'" + std::string(text) + "' lacks a port; write \"[::1]:80\"");
  }
  std::string host(text.substr(1, close - 1));
  Address address;
  address.ip.family = Family::kV6;
  if (const std::size_t percent = host.find('%'); percent != std::string::npos) {
    const auto scope = parse_scope(host.substr(percent + 1));
    if (!scope) return failure(scope.error());
    address.ip.scope_id = *scope;
    host.resize(percent);
  }
  if (inet_pton(AF_INET6, host.c_str(), address.ip.bytes.data()) != 1) {
    return failure("'" + host + "' is not an IPv6 address");
  }
  const auto port = parse_port(text.substr(close + 2));
  if (!port) return failure(port.error());
  address.ip.port = *port;
  return address;
}

Parsed<Address> parse_v4(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return failure("'" + std::string(text) + "' lacks a port; write \"127.0.0.1:80\"");
  }
  const std::string host(text.substr(0, colon));
  if (host.find(':') != std::string::npos) {
    return failure("an IPv6 address goes in brackets: \"[" + host + "]" +
                   std::string(text.substr(colon)) + "\"");
  }
  Address address;
  address.ip.family = Family::kV4;
  if (inet_pton(AF_INET, host.c_str(), address.ip.bytes.data()) != 1) {
    return failure("'" + host +
                   "' is not an IP address; names are not looked up here, write \"127.0.0.1:80\", "
                   "\"[::1]:80\" or \"unix:/path\"");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return failure(port.error());
  address.ip.port = *port;
  return address;
}

RawAddress unix_to_raw(const std::string& path) {
  CHECK(path.size() <= kPathMax);
  RawAddress raw;
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  std::size_t length = offsetof(sockaddr_un, sun_path) + path.size();
  if (!path.empty() && path.front() == '@') {
    un.sun_path[0] = '\0';  // Abstract: the length is the end of the name (man 7 unix).
  } else {
    ++length;
  }
  std::memcpy(&raw.storage, &un, sizeof(un));
  raw.size = static_cast<socklen_t>(length);
  return raw;
}

Address unix_from_raw(const sockaddr_storage& storage, socklen_t size) {
  Address address;
  address.ip.family = Family::kUnix;
  constexpr std::size_t kHeader = offsetof(sockaddr_un, sun_path);
  if (size <= kHeader) return address;
  sockaddr_un un{};
  std::memcpy(&un, &storage, std::min<std::size_t>(size, sizeof(un)));
  const std::size_t length = std::min<std::size_t>(size - kHeader, sizeof(un.sun_path));
  if (un.sun_path[0] == '\0') {
    address.path = "@" + std::string(un.sun_path + 1, length - 1);
  } else {
    address.path.assign(un.sun_path, strnlen(un.sun_path, length));
  }
  return address;
}

void append_number(std::string& out, std::uint16_t value) {
  std::array<char, 5> digits{};
  out.append(digits.data(), std::to_chars(digits.begin(), digits.end(), value).ptr);
}

// Each line of the access log has three of these, and glibc's inet_ntop goes through sprintf.
void append_v4(std::string& out, const IpPort& address) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) out += '.';
    append_number(out, address.bytes[i]);
  }
}

void append_v6(std::string& out, const IpPort& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  CHECK(inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size()) != nullptr);
  out += text.data();
  if (address.scope_id == 0) return;
  std::array<char, IF_NAMESIZE> name{};
  const bool named = if_indextoname(address.scope_id, name.data()) != nullptr;
  out += '%';
  out += named ? name.data() : std::to_string(address.scope_id);
}

}  // namespace

Parsed<Address> parse_address(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) return parse_unix(text.substr(kUnixPrefix.size()));
  if (text.starts_with('[')) return parse_v6(text);
  return parse_v4(text);
}

std::string ip_to_string(const IpPort& address) {
  std::string text;
  address.family == Family::kV6 ? append_v6(text, address) : append_v4(text, address);
  return text;
}

std::string to_string(const IpPort& address) {
  std::string text;
  switch (address.family) {
    case Family::kNone:
      return "-";
    case Family::kV4:
      append_v4(text, address);
      break;
    case Family::kV6:
      text += '[';
      append_v6(text, address);
      text += ']';
      break;
    case Family::kUnix:
      return std::string(kUnixPrefix);
  }
  text += ':';
  append_number(text, address.port);
  return text;
}

std::string to_string(const Address& address) { return to_string(address.ip) + address.path; }

bool is_wildcard(const IpPort& address) {
  const auto zero = [](std::uint8_t byte) { return byte == 0; };
  return (address.family == Family::kV4 || address.family == Family::kV6) &&
         std::all_of(address.bytes.begin(), address.bytes.end(), zero);
}

bool is_loopback(const IpPort& address) {
  if (address.family == Family::kV4) return address.bytes[0] == 127;
  const auto zero = [](std::uint8_t byte) { return byte == 0; };
  return address.family == Family::kV6 && address.bytes[15] == 1 &&
         std::all_of(address.bytes.begin(), address.bytes.end() - 1, zero);
}

IpPort unmapped(const IpPort& address) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address.family != Family::kV6 ||
      !std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) {
    return address;
  }
  IpPort v4;
  v4.family = Family::kV4;
  v4.port = address.port;
  std::copy(address.bytes.begin() + kMapped.size(), address.bytes.end(), v4.bytes.begin());
  return v4;
}

RawAddress to_raw(const Address& address) {
  RawAddress raw;
  if (address.family() == Family::kUnix) return unix_to_raw(address.path);
  if (address.family() == Family::kV4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.ip.port);
    std::memcpy(&in.sin_addr, address.ip.bytes.data(), sizeof(in.sin_addr));
    std::memcpy(&raw.storage, &in, sizeof(in));
    raw.size = sizeof(in);
    return raw;
  }
  CHECK(address.family() == Family::kV6);
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(address.ip.port);
  in6.sin6_scope_id = address.ip.scope_id;
  std::memcpy(&in6.sin6_addr, address.ip.bytes.data(), sizeof(in6.sin6_addr));
  std::memcpy(&raw.storage, &in6, sizeof(in6));
  raw.size = sizeof(in6);
  return raw;
}

Address from_raw(const sockaddr_storage& storage, socklen_t size) {
  Address address;
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof(in));
    address.ip.family = Family::kV4;
    address.ip.port = ntohs(in.sin_port);
    std::memcpy(address.ip.bytes.data(), &in.sin_addr, sizeof(in.sin_addr));
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &storage, sizeof(in6));
    address.ip.family = Family::kV6;
    address.ip.port = ntohs(in6.sin6_port);
    address.ip.scope_id = in6.sin6_scope_id;
    std::memcpy(address.ip.bytes.data(), &in6.sin6_addr, sizeof(in6.sin6_addr));
  } else if (storage.ss_family == AF_UNIX) {
    return unix_from_raw(storage, size);
  }
  return address;
}

}  // namespace base
