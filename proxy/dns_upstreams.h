// The upstreams whose endpoints come from the DNS, as main sees them: what to watch for a
// configuration, the first answers at a start or reload, and whether anything has changed since.
// Goes in the two steps of every change of configuration: prepare(), then commit() or abandon().
// Owned by the supervisor, on the main thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "config/config.h"
#include "config/problem.h"
#include "proxy/dns_directory.h"
#include "proxy/log.h"
#include "proxy/resolver.h"
#include "proxy/snapshot.h"
#include "proxy/worker_metrics.h"

namespace proxy {

class DnsUpstreams {
 public:
  using Problems = std::vector<config::Problem>;

  // A start or reload waits so long for the first answers of names with `startup: wait`, so that
  // with DNS in health the first session finds endpoints. Not longer than dns.timeout.
  static constexpr base::Nanos kFirstAnswersMax = std::chrono::milliseconds(500);

  // Both must outlive this.
  DnsUpstreams(MetricsCatalog& catalog, Log& log) : catalog_(catalog), resolver_(directory_, log) {}

  // Begins to watch the names of the next configuration beside those in force, and waits for first
  // answers of the new ones: at most the longest dns.timeout of them. The problems: names with
  // `startup: fail` and no address. listening: where the next configuration's listeners are bound.
  Problems prepare(const config::Config& next,
                   const std::vector<std::vector<base::Address>>& listening);
  // The prepared configuration is in force, or is not going to be.
  void commit();
  void abandon();

  // What is known now of the configuration's names; changed() is about what came after this.
  DnsEndpoints endpoints(const config::Config& config);
  // These are what the workers have from now on: the gauges say so. A candidate's names have none.
  void show(const DnsEndpoints& endpoints);
  bool changed() const { return directory_.version() != used_version_; }
  // Readable when changed() may have become true. Read it empty.
  int changed_fd() const { return resolver_.changed_fd(); }

 private:
  DnsOrders orders_of(const config::Config& config,
                      const std::vector<std::vector<base::Address>>& listening);
  void watch(const DnsOrders& orders);
  Problems wait_for_answers(const config::Config& next, const DnsOrders& known) const;

  MetricsCatalog& catalog_;
  DnsDirectory directory_;
  Resolver resolver_;  // After the directory, which its thread uses.
  DnsOrders in_force_;
  DnsOrders next_;
  std::uint64_t used_version_ = 0;
};

}  // namespace proxy
