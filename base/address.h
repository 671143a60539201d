// Where a TCP or UNIX stream socket is: parsed from and printed for people, given to the kernel.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

enum class Family : std::uint8_t { kNone, kV4, kV6, kUnix };

// An IP address and a port: plain data, what a session keeps of its client. A UNIX peer is kUnix
// with nothing else set.
struct IpPort {
  std::array<std::uint8_t, 16> bytes{};  // Network order; v4 uses the first four.
  std::uint32_t scope_id = 0;            // Link-local v6 only (RFC 4007).
  std::uint16_t port = 0;                // Host order.
  Family family = Family::kNone;

  friend bool operator==(const IpPort&, const IpPort&) = default;
};

// An IpPort, or the path of a UNIX socket. A leading '@' names the abstract namespace (man 7 unix).
struct Address {
  IpPort ip;
  std::string path;  // kUnix only; empty for an unnamed peer.

  Family family() const { return ip.family; }
  friend bool operator==(const Address&, const Address&) = default;
};

// "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/run/x.sock", "unix:@name".
// No names to look up, no service names; a port is 0 to 65535 in plain decimals.
// A v4-mapped v6 address (::ffff:1.2.3.4) stays v6.
Parsed<Address> parse_address(std::string_view text);

// The inverse of parse_address. An unnamed UNIX peer prints as "unix:".
std::string to_string(const Address& address);
std::string to_string(const IpPort& address);

// The address without its port: "127.0.0.1", "::1".
std::string ip_to_string(const IpPort& address);

// True for 0.0.0.0 and ::.
bool is_wildcard(const IpPort& address);

// True for 127.0.0.0/8 and ::1.
bool is_loopback(const IpPort& address);

// A v4-mapped v6 address as the v4 address it means; any other unchanged. Clients of a dual-stack
// listener arrive mapped, and source hashing must not tell the two forms apart.
IpPort unmapped(const IpPort& address);

// What connect(2) and bind(2) take.
struct RawAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
RawAddress to_raw(const Address& address);
Address from_raw(const sockaddr_storage& storage, socklen_t size);

}  // namespace base
