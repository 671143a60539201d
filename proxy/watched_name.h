// One upstream's name under watch: when it is looked up next, the lookup under way, the set of
// addresses, and what is counted and logged about it. Owned by the resolver, on its thread.
#pragma once

#include <poll.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "proxy/dns_cells.h"
#include "proxy/dns_directory.h"
#include "proxy/dns_filter.h"
#include "proxy/dns_lookup.h"
#include "proxy/log.h"
#include "proxy/resolved_set.h"

namespace proxy {

// What main asks the resolver to watch.
struct DnsOrder {
  std::string upstream;
  config::Dns dns;
  DnsCells* cells = nullptr;  // Outlive the resolver.
  std::size_t filter = 0;     // Which of the filters that come with the orders.

  // Orders with equal keys ask the same question for the same upstream: what has been found for one
  // is good for the other.
  std::string key() const;
};

class WatchedName {
 public:
  WatchedName(DnsOrder order, Log& log);

  const DnsOrder& order() const { return order_; }
  // A reload: the same key, perhaps other times. With another filter the name is also looked up at
  // once, because an address that was left out may be wanted now.
  void configure(DnsOrder order, const DnsFilter& filter, bool filter_changed, base::Nanos now);

  // A lookup should begin.
  bool due(base::Nanos now) const { return lookup_ == nullptr && next_lookup_ <= now; }
  base::Nanos next_lookup() const { return next_lookup_; }
  void look_up(base::Nanos now);
  bool looking() const { return lookup_ != nullptr; }

  // For poll(2), and when it must return at the latest; a lookup that is due is not counted,
  // because it waits for others to end.
  void add_waits(std::vector<pollfd>& waits) const;
  base::Nanos deadline(base::Nanos now) const;
  // After poll(2). True when there is something to publish. random: spreads retries.
  bool step(const std::vector<pollfd>& ready, base::Nanos now, const DnsFilter& filter,
            std::uint64_t random);

  // After the first lookup has ended.
  bool answered() const { return answered_; }
  DnsFinding finding() const { return {.addresses = set_.addresses(), .last = last_}; }

 private:
  void finish(base::Nanos now, const DnsFilter& filter, std::uint64_t random);
  void count(const DnsAnswer& answer, const DnsIgnoredCounts& ignored);
  void log_result(const DnsAnswer& answer);
  void log_ignored(const DnsIgnoredCounts& ignored);
  void log_change(const std::vector<DnsAddress>& before);

  DnsOrder order_;
  Log& log_;
  ResolvedSet set_;
  std::unique_ptr<DnsLookup> lookup_;
  base::Nanos next_lookup_{0};
  bool answered_ = false;
  bool reported_incomplete_ = false;
  DnsResult last_ = DnsResult::kOk;
  DnsIgnoredCounts last_ignored_{};
};

}  // namespace proxy
