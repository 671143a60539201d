// DNS messages written byte by byte (RFC 1035), for tests that want to know what a reply really
// was.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace proxy {

inline constexpr std::uint16_t kDnsA = 1;
inline constexpr std::uint16_t kDnsCname = 5;
inline constexpr std::uint16_t kDnsAaaa = 28;
inline constexpr std::uint16_t kDnsSrv = 33;

// Response codes.
inline constexpr std::uint16_t kDnsServfail = 2;
inline constexpr std::uint16_t kDnsNxdomain = 3;

using DnsBytes = std::vector<std::uint8_t>;

inline void put16(DnsBytes& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}

inline void put_name(DnsBytes& out, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out.push_back(0);
}

struct DnsRecord {
  std::string name;
  std::uint16_t type = 0;
  std::uint32_t ttl = 60;
  DnsBytes data;
};

// "10.0.0.1" or "fd00::1".
inline DnsRecord address_record(const std::string& name, const std::string& ip,
                                std::uint32_t ttl = 60) {
  const bool v6 = ip.find(':') != std::string::npos;
  const auto address = base::parse_address(v6 ? "[" + ip + "]:0" : ip + ":0").value();
  const auto* first = address.ip.bytes.data();
  return {.name = name,
          .type = v6 ? kDnsAaaa : kDnsA,
          .ttl = ttl,
          .data = DnsBytes(first, first + (v6 ? 16 : 4))};
}

inline DnsRecord service_record(const std::string& name, std::uint16_t priority,
                                std::uint16_t weight, std::uint16_t port, const std::string& target,
                                std::uint32_t ttl = 60) {
  DnsRecord record{.name = name, .type = kDnsSrv, .ttl = ttl, .data = {}};
  put16(record.data, priority);
  put16(record.data, weight);
  put16(record.data, port);
  put_name(record.data, target);
  return record;
}

inline DnsRecord alias_record(const std::string& name, const std::string& target,
                              std::uint32_t ttl = 60) {
  DnsRecord record{.name = name, .type = kDnsCname, .ttl = ttl, .data = {}};
  put_name(record.data, target);
  return record;
}

// A whole reply to a question for the name and type.
inline DnsBytes dns_reply(std::uint16_t id, std::string_view name, std::uint16_t type,
                          const std::vector<DnsRecord>& answers, std::uint16_t code = 0) {
  DnsBytes out;
  put16(out, id);
  put16(out, 0x8580U | code);  // A reply, authoritative, recursion asked for and available.
  put16(out, 1);
  put16(out, static_cast<std::uint32_t>(answers.size()));
  put16(out, 0);
  put16(out, 0);
  put_name(out, name);
  put16(out, type);
  put16(out, 1);
  for (const DnsRecord& record : answers) {
    if (record.name == name) {
      put16(out, 0xc00c);  // A pointer to the question's name.
    } else {
      put_name(out, record.name);
    }
    put16(out, record.type);
    put16(out, 1);
    put16(out, record.ttl >> 16U);
    put16(out, record.ttl & 0xffffU);
    put16(out, static_cast<std::uint32_t>(record.data.size()));
    out.insert(out.end(), record.data.begin(), record.data.end());
  }
  return out;
}

}  // namespace proxy
