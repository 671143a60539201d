// What the resolver has found, where main can read it: a finding for each name that is watched.
// Main says which names, waits for first answers, and reads; the resolver's thread publishes. Both
// under a lock; no worker ever comes here. Owned by main.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "proxy/dns_answer.h"

namespace proxy {

struct DnsFinding {
  std::vector<DnsAddress> addresses;  // Sorted; the set in use now, whatever the last lookup said.
  DnsResult last = DnsResult::kOk;    // How the last lookup ended.
};

class DnsDirectory {
 public:
  // Main: from now on these keys and no others. Findings of keys that stay are kept.
  void expect(const std::vector<std::string>& keys);

  // Main: until the key has been published or the monotonic clock has reached the time. Empty: not
  // in time, or not expected.
  std::optional<DnsFinding> wait_for(const std::string& key, base::Nanos until) const;
  // Main: what has been published so far.
  std::optional<DnsFinding> find(const std::string& key) const { return wait_for(key, {}); }

  // The resolver: after a lookup, and whenever the addresses have changed. A key that is not
  // expected any more is dropped.
  void publish(const std::string& key, DnsFinding finding);

  // Goes up whenever addresses of an expected key change: equal numbers, equal sets.
  std::uint64_t version() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable published_;
  std::map<std::string, std::optional<DnsFinding>> findings_;
  std::uint64_t version_ = 0;
};

}  // namespace proxy
