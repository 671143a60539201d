// What the endpoints of one name are now, by all that its lookups have said so far. Pure logic: it
// is told answers and the time. Owned by the resolver, on its thread.
//
//   an answer with addresses    they are the set; what is missing stays `linger` longer
//   a part of the answer only   what is missing stays, for up to `stale` since it was last seen
//   no answer, or an empty one  everything stays, for up to `stale` since it was last seen
//
// So a name server that fails or flaps takes no endpoint away at once, and closes no session.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "proxy/dns_answer.h"
#include "proxy/dns_filter.h"

namespace proxy {

class ResolvedSet {
 public:
  // dns: its times.
  explicit ResolvedSet(const config::Dns& dns) : dns_(dns) {}

  // A reload has changed the times; they count from the next answer on.
  void configure(const config::Dns& dns) { dns_ = dns; }

  // Takes in an answer whose addresses a DnsFilter has passed; none left of it is no answer.
  // random: spreads retries after a failure. True when addresses() has changed.
  bool take(const DnsAnswer& answer, base::Nanos now, std::uint64_t random);
  // Drops what has lingered long enough. True when addresses() has changed.
  bool expire(base::Nanos now);
  // Drops what has become an own listener. True when addresses() has changed.
  bool drop_own(const DnsFilter& filter);

  // Sorted by comes_before(), no address twice, at most DnsFilter::kAddressesMax. Equal sets are
  // equal vectors.
  const std::vector<DnsAddress>& addresses() const { return addresses_; }

  // When to ask again: the TTL within [refresh, refresh_max] after an answer; refresh and up to a
  // quarter of it after a failure. Before the first take(): at once.
  base::Nanos next_lookup() const { return next_lookup_; }
  // When expire() has something to do; kForever: never.
  base::Nanos next_expiry() const;

 private:
  struct Held {
    DnsAddress address;
    base::Nanos last_seen{0};
    base::Nanos leaves = base::kForever;  // Missing since, and linger on top.
  };

  void merge(const DnsAnswer& answer, base::Nanos now);
  void drop_stale(base::Nanos now);
  bool rebuild();

  config::Dns dns_;
  base::Nanos next_lookup_{0};
  std::vector<Held> held_;
  std::vector<DnsAddress> addresses_;
};

}  // namespace proxy
