// A named service as one worker sees it: its endpoints, the balancer that picks one, and how to
// connect. Owned by the worker's roster; on the worker's thread. Everything a session in flight
// refers to stays in its place until that session has ended, also when a reload has removed it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/transport.h"
#include "base/slab.h"
#include "proxy/balancer.h"
#include "proxy/snapshot.h"

namespace proxy {

// One address of an upstream.
struct Endpoint {
  base::Address address;  // Of no family for original_dst: each session has its own.
  std::uint32_t weight = 0;
  std::uint16_t index = 0;  // What the balancer calls it.
  bool removed =
      false;  // By a reload: it is not picked any more, and the balancer has forgotten it.
  std::uint32_t sessions = 0;  // This worker's, those still connecting included.
  EndpointCells* cells = nullptr;
  const std::string* name = nullptr;  // For the log; lives in the metrics catalog.
  base::SlotId pool;                  // In the worker's Pools; names nothing where there is none.
};

class Upstream {
 public:
  Upstream(std::size_t worker, std::uint64_t seed) : worker_(worker), seed_(seed) {}

  // Takes over a configuration: endpoints that stay keep their sessions and counts; those that are
  // gone are not picked any more and live until their last session ends. The snapshot is kept: the
  // maglev table is in it.
  void apply(const SnapshotPtr& snapshot, const UpstreamPlan& plan);

  // An endpoint for a client, or null when all that are left have been tried or may not be used.
  Endpoint* pick(const base::IpPort& client, std::span<const std::uint16_t> tried);
  void session_started(Endpoint& endpoint);
  void session_ended(Endpoint& endpoint);

  const std::string& name() const { return *name_; }
  const config::Upstream& config() const { return *plan_->config; }
  UpstreamCells& cells() { return *cells_; }
  std::uint32_t sessions() const { return sessions_; }
  // In the order of the plan's.
  std::span<const std::unique_ptr<Endpoint>> endpoints() const { return endpoints_; }

 private:
  void rebuild_balancer();

  std::size_t worker_;
  std::uint64_t seed_;
  SnapshotPtr snapshot_;
  const UpstreamPlan* plan_ = nullptr;
  UpstreamCells* cells_ = nullptr;
  const std::string* name_ = nullptr;
  std::uint32_t sessions_ = 0;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> removed_;  // With sessions still on them.
  std::unique_ptr<Balancer> balancer_;
};

}  // namespace proxy
