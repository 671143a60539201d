#include "proxy/dns_upstreams.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/assert.h"

namespace proxy {
namespace {

DnsOrder order_of(const config::Upstream& upstream) {
  return {.upstream = upstream.name, .dns = *upstream.dns, .cells = nullptr, .filter = 0};
}

std::set<std::string> keys_of(const DnsOrders& orders) {
  std::set<std::string> keys;
  for (const DnsOrder& order : orders.names) keys.insert(order.key());
  return keys;
}

config::Problem no_addresses(const config::Upstream& upstream,
                             const std::optional<DnsFinding>& found) {
  const DnsResult why = found ? found->last : DnsResult::kTimeout;
  return {.mark = upstream.dns->mark,
          .text = "upstream " + config::quote(upstream.name) + ": no address for " +
                  config::quote(upstream.dns->name) + ": " + std::string(reason_of(why))};
}

}  // namespace

DnsOrders DnsUpstreams::orders_of(const config::Config& config,
                                  const std::vector<std::vector<base::Address>>& listening) {
  DnsOrders orders;
  std::vector<base::Address> own;
  for (const auto& binds : listening) own.insert(own.end(), binds.begin(), binds.end());
  orders.filters.emplace_back(own);
  for (const config::Upstream& upstream : config.upstreams) {
    if (!upstream.dns) continue;
    orders.names.push_back(order_of(upstream));
    orders.names.back().cells = catalog_.dns(upstream.name).cells[0].get();
  }
  return orders;
}

DnsUpstreams::Problems DnsUpstreams::prepare(
    const config::Config& next, const std::vector<std::vector<base::Address>>& listening) {
  next_ = orders_of(next, listening);
  // What is in force stays as it is until the commit: only what is new comes on top.
  DnsOrders both = in_force_;
  const std::set<std::string> known = keys_of(in_force_);
  const std::size_t first = both.filters.size();
  both.filters.insert(both.filters.end(), next_.filters.begin(), next_.filters.end());
  for (const DnsOrder& order : next_.names) {
    if (known.contains(order.key())) continue;
    both.names.push_back(order);
    both.names.back().filter += first;
  }
  watch(both);
  return wait_for_answers(next, in_force_);
}

DnsUpstreams::Problems DnsUpstreams::wait_for_answers(const config::Config& next,
                                                      const DnsOrders& known) const {
  const base::Nanos began = base::monotonic_now();
  const std::set<std::string> old = keys_of(known);
  Problems problems;
  for (const config::Upstream& upstream : next.upstreams) {
    if (!upstream.dns) continue;
    const std::string key = order_of(upstream).key();
    if (old.contains(key)) continue;
    const base::Nanos timeout = upstream.dns->timeout;
    switch (upstream.dns->startup) {
      case config::DnsStartup::kWait:
        static_cast<void>(directory_.wait_for(key, began + std::min(timeout, kFirstAnswersMax)));
        break;
      case config::DnsStartup::kFail: {
        const auto found = directory_.wait_for(key, began + timeout);
        if (!found || found->addresses.empty()) problems.push_back(no_addresses(upstream, found));
        break;
      }
    }
  }
  return problems;
}

void DnsUpstreams::commit() {
  in_force_ = std::exchange(next_, {});
  watch(in_force_);
}

void DnsUpstreams::abandon() {
  next_ = {};
  watch(in_force_);
}

void DnsUpstreams::watch(const DnsOrders& orders) {
  std::vector<std::string> keys;
  for (const DnsOrder& order : orders.names) keys.push_back(order.key());
  directory_.expect(keys);
  resolver_.watch(orders);
}

DnsEndpoints DnsUpstreams::endpoints(const config::Config& config) {
  // The version first: what changes in between is then seen as a change.
  used_version_ = directory_.version();
  DnsEndpoints endpoints;
  for (const config::Upstream& upstream : config.upstreams) {
    if (!upstream.dns) continue;
    std::vector<DnsAddress>& addresses = endpoints[upstream.name];
    if (auto found = directory_.find(order_of(upstream).key())) {
      addresses = std::move(found->addresses);
    }
  }
  return endpoints;
}

void DnsUpstreams::show(const DnsEndpoints& endpoints) {
  for (const auto& [upstream, addresses] : endpoints) {
    catalog_.dns(upstream).cells[0]->addresses.set(static_cast<std::int64_t>(addresses.size()));
  }
}

}  // namespace proxy
