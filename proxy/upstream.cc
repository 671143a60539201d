#include "proxy/upstream.h"

#include <algorithm>

#include "base/assert.h"

namespace proxy {

void Upstream::apply(const SnapshotPtr& snapshot, const UpstreamPlan& plan) {
  std::vector<std::unique_ptr<Endpoint>> old = std::move(endpoints_);
  endpoints_.clear();
  for (const EndpointPlan& wanted : plan.endpoints) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& endpoint) {
      return endpoint != nullptr && endpoint->address == wanted.address;
    });
    auto endpoint = same != old.end() ? std::move(*same) : std::make_unique<Endpoint>();
    endpoint->address = wanted.address;
    endpoint->weight = wanted.weight;
    endpoint->index = static_cast<std::uint16_t>(endpoints_.size());
    endpoint->cells = wanted.series->cells[worker_].get();
    endpoint->name = &wanted.series->names.endpoint;
    endpoints_.push_back(std::move(endpoint));
  }
  for (auto& gone : old) {
    if (gone == nullptr || gone->sessions == 0) continue;
    gone->removed = true;
    removed_.push_back(std::move(gone));
  }
  // The balancer points into the snapshot it was made from, so it goes first.
  balancer_.reset();
  snapshot_ = snapshot;
  plan_ = &plan;
  cells_ = plan.series->cells[worker_].get();
  name_ = &plan.series->names.upstream;
  rebuild_balancer();
}

void Upstream::rebuild_balancer() {
  std::vector<BalancedEndpoint> balanced;
  balanced.reserve(endpoints_.size());
  for (const auto& endpoint : endpoints_) {
    balanced.push_back({.weight = endpoint->weight,
                        .key = balancing_key(*endpoint->name),
                        .sessions = endpoint->sessions});
  }
  const MaglevTable* table = plan_->maglev ? &*plan_->maglev : nullptr;
  balancer_ = make_balancer(plan_->config->balance, balanced, table, seed_);
}

Endpoint* Upstream::pick(const base::IpPort& client, std::span<const std::uint16_t> tried) {
  const auto index = balancer_->pick({.client = client, .tried = tried});
  return index ? endpoints_[*index].get() : nullptr;
}

void Upstream::session_started(Endpoint& endpoint) {
  CHECK(!endpoint.removed);
  ++endpoint.sessions;
  ++sessions_;
  endpoint.cells->sessions.add(1);
  balancer_->session_started(endpoint.index);
}

void Upstream::session_ended(Endpoint& endpoint) {
  CHECK(endpoint.sessions > 0 && sessions_ > 0);
  --endpoint.sessions;
  --sessions_;
  endpoint.cells->sessions.add(-1);
  if (!endpoint.removed) {
    balancer_->session_ended(endpoint.index);
  } else if (endpoint.sessions == 0) {
    std::erase_if(removed_, [&](const auto& gone) { return gone.get() == &endpoint; });
  }
}

}  // namespace proxy
