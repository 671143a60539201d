// Part of SectionReader (section_reader.h): the rules between the keys of one mapping. What
// concerns several mappings is in validate.cc.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "config/section_reader.h"

namespace config {
namespace {

// The PROXY header that a check begins with (proxy/proxy_header.h writes it): "PROXY UNKNOWN\r\n",
// and the fixed part of version 2.
std::size_t local_header_bytes(ProxyProtocol version) {
  switch (version) {
    case ProxyProtocol::kOff:
      return 0;
    case ProxyProtocol::kV1:
      return 15;
    case ProxyProtocol::kV2:
      return 16;
  }
  base::check_failed(__FILE__, __LINE__, "a version of the enum");
}

}  // namespace

Mark SectionReader::place_of(std::string_view name) const {
  const Child* child = find(name);
  return child != nullptr ? child->key_mark : node_.mark;
}

// Both keys are in the file, and only one of them can be meant.
void SectionReader::refuse_beside(std::string_view name, std::string_view other) {
  if (find(name) == nullptr) return;
  problems_.add(place_of(name), quote(name) + " takes the place of " + quote(other) +
                                    ", found at " + to_string(place_of(other)));
}

void SectionReader::keep_order(std::string_view shorter, base::Nanos shorter_value,
                               std::string_view longer, base::Nanos longer_value) {
  if (shorter_value <= longer_value) return;
  const std::string_view at = find(shorter) != nullptr ? shorter : longer;
  problems_.add(place_of(at), quote(shorter) + " (" + to_text(shorter_value) +
                                  ") must not be longer than " + quote(longer) + " (" +
                                  to_text(longer_value) + ")");
}

void SectionReader::check(const Upstream& upstream) {
  check_endpoint_source(upstream);
  check_queue(upstream);
}

void SectionReader::check_endpoint_source(const Upstream& upstream) {
  const bool endpoints = find("endpoints") != nullptr;
  const bool dns = find("dns") != nullptr;
  needs_endpoints_ = !endpoints && !dns && !upstream.original_dst;
  if (endpoints) refuse_beside("dns", "endpoints");
  if (!upstream.original_dst) return;
  if (endpoints) refuse_beside("original_dst", "endpoints");
  if (dns) refuse_beside("original_dst", "dns");
  // They are about endpoints that stay, and here every session has one of its own.
  const auto refuse_if = [this](bool set, std::string_view name) {
    if (set) problems_.add(place_of(name), quote(name) + " has no meaning with 'original_dst'");
  };
  refuse_if(upstream.pool.idle > 0, "pool");
  refuse_if(upstream.health.has_value(), "health");
  refuse_if(upstream.outlier.has_value(), "outlier");
  refuse_if(upstream.slow_start > base::Nanos{0}, "slow_start");
}

void SectionReader::check_queue(const Upstream& upstream) {
  const Limits& limits = upstream.limits;
  if (limits.queue == 0 || limits.max_sessions > 0 || limits.max_connecting > 0) return;
  const bool limited = std::any_of(
      upstream.endpoints.begin(), upstream.endpoints.end(), [](const Endpoint& endpoint) {
        return endpoint.max_sessions > 0 || endpoint.max_connecting > 0;
      });
  if (limited) return;
  problems_.add(place_of("limits"),
                "'queue' waits for a place, and nothing limits them: set 'max_sessions' or "
                "'max_connecting' here or of an endpoint");
}

// Where the file says nothing of idle_max it is never below idle; see validate.cc.
void SectionReader::check(const Pool& pool) {
  if (find("idle_max") == nullptr || pool.idle_max >= pool.idle) return;
  problems_.add(place_of("idle_max"), "'idle_max' (" + std::to_string(pool.idle_max) +
                                          ") must not be below 'idle' (" +
                                          std::to_string(pool.idle) + ")");
}

void SectionReader::check(const Health& health) {
  keep_order("fast_interval", health.fast_interval, "interval", health.interval);
  const std::size_t header = local_header_bytes(health.proxy_protocol);
  if (header + health.send.size() <= keys::kPayload.max) return;
  problems_.add(place_of("send"),
                "'send' takes at most " + std::to_string(keys::kPayload.max - header) +
                    " bytes behind a PROXY header, not " + std::to_string(health.send.size()));
}

void SectionReader::check(const Outlier& outlier) {
  keep_order("ejection", outlier.ejection, "ejection_max", outlier.ejection_max);
}

// Whoever may open a UNIX socket's file has been chosen by its owner; everybody on the machine can
// reach a loopback address.
void SectionReader::check(const Admin& admin) {
  if (admin.bind.address.family() == base::Family::kUnix || !admin.token_file.empty()) return;
  problems_.add(place_of("bind"),
                "'bind' at a loopback address, which every user of this machine can reach, needs "
                "'token_file'");
}

void SectionReader::check(const Dns& dns) {
  keep_order("refresh", dns.refresh, "refresh_max", dns.refresh_max);
  if (dns.type == DnsType::kSrv && dns.port != 0) {
    problems_.add(place_of("port"),
                  "'port' has no meaning with 'type: srv', whose records bring it");
  } else if (dns.type == DnsType::kA && dns.port == 0) {
    problems_.add(place_of("port"), "'dns' needs a 'port' from 1 to 65535 (or 'type: srv')");
  }
}

}  // namespace config
