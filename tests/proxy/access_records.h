// Two sessions as the access log has them.
#pragma once

#include <chrono>
#include <string>

#include "base/address.h"
#include "proxy/access_record.h"

namespace proxy_test {

inline base::IpPort ip(const char* text) { return base::parse_address(text)->ip; }

inline const std::string kListener = "redis in";
inline const std::string kUpstream = "redis";
inline const std::string kEndpoint = "10.0.0.1:6379";
inline constexpr base::Nanos kEnded = std::chrono::seconds(100);

inline proxy::AccessRecord served() {
  proxy::AccessRecord record;
  record.listener = &kListener;
  record.upstream = &kUpstream;
  record.endpoint = &kEndpoint;
  record.transport = "epoll";
  record.client = ip("[::ffff:192.0.2.7]:4711");
  record.local = ip("192.0.2.1:6379");
  record.ended = kEnded;
  record.setup = std::chrono::microseconds(213);
  record.connect = std::chrono::microseconds(101);
  record.total = std::chrono::microseconds(1'234'567);
  record.bytes = {64, 4096};
  record.attempts = 1;
  record.worker = 3;
  record.reason = {proxy::Actor::kClient, proxy::Cause::kEof};
  return record;
}

inline proxy::AccessRecord turned_away() {
  proxy::AccessRecord record;
  record.listener = &kListener;
  record.transport = "epoll";
  record.client = ip("[2001:db8::7]:4711");
  record.local = ip("[2001:db8::1]:6379");
  record.ended = kEnded;
  record.total = std::chrono::microseconds(5);
  record.reason = {proxy::Actor::kProxy, proxy::Cause::kNoEndpoint};
  return record;
}

}  // namespace proxy_test
