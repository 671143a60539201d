#include "proxy/upstream.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "proxy/shared_limit.h"
#include "proxy/slow_start.h"
#include "proxy/tiers.h"

namespace proxy {
namespace {

using base::Nanos;

// A deadline that far away is none; adding a duration to now must not overflow.
Nanos after(Nanos now, Nanos duration) {
  return duration < base::kForever - now ? now + duration : base::kForever;
}

std::uint32_t scaled(std::uint32_t weight, std::uint32_t share) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(std::uint64_t{weight} * share, kMax));
}

// The endpoint with that address, out of its place; null when there is none.
std::unique_ptr<Endpoint> take_out(std::vector<std::unique_ptr<Endpoint>>& endpoints,
                                   const base::Address& address) {
  const auto found = std::find_if(endpoints.begin(), endpoints.end(), [&](const auto& endpoint) {
    return endpoint != nullptr && endpoint->address == address;
  });
  return found != endpoints.end() ? std::move(*found) : nullptr;
}

}  // namespace

// --- The configuration and the verdicts.

void Upstream::apply(const SnapshotPtr& snapshot, const UpstreamPlan& plan, Nanos now) {
  const bool first_time = plan_ == nullptr;
  std::vector<std::unique_ptr<Endpoint>> old = std::move(endpoints_);
  endpoints_.clear();
  // The balancers point into the snapshot they were made from, so they go first.
  balancers_.clear();
  snapshot_ = snapshot;
  plan_ = &plan;
  cells_ = plan.series->cells[worker_].get();
  name_ = &plan.series->names.upstream;
  queue_.count_in(*plan.series, *cells_);
  endpoint_limits_ = false;
  for (const EndpointPlan& wanted : plan.endpoints) {
    auto endpoint = take_out(old, wanted.address);
    if (endpoint == nullptr) endpoint = take_back(wanted.address);
    if (endpoint == nullptr) endpoint = std::make_unique<Endpoint>();
    take_over(wanted, std::move(endpoint));
  }
  for (auto& gone : old) {
    if (gone != nullptr) remove(std::move(gone), cut_at(snapshot->config.shutdown.drain, now));
  }
  excluded_.reserve(endpoints_.size() + config::kAttemptsMax);
  for (const auto& endpoint : endpoints_) {
    look_at(*endpoint, now);
    // The process has just started: everybody is as warm as everybody else.
    if (first_time) endpoint->slow_since = base::kForever;
  }
  rebuild_balancers(now);
}

// One that was removed, and whose sessions have not all ended: nobody cuts them any more.
std::unique_ptr<Endpoint> Upstream::take_back(const base::Address& address) {
  auto endpoint = take_out(removed_, address);
  if (endpoint == nullptr) return nullptr;
  std::erase(removed_, nullptr);
  endpoint->removed = false;
  endpoint->well = false;  // So that it starts slowly, like any endpoint that comes.
  endpoint->cut_at = base::kForever;
  return endpoint;
}

void Upstream::take_over(const EndpointPlan& wanted, std::unique_ptr<Endpoint> endpoint) {
  endpoint->address = wanted.address;
  endpoint->weight = wanted.weight;
  endpoint->priority = wanted.priority;
  endpoint->max_sessions = wanted.max_sessions;
  endpoint->max_connecting = wanted.max_connecting;
  endpoint->index = static_cast<std::uint16_t>(endpoints_.size());
  endpoint->series = wanted.series;
  endpoint->cells = wanted.series->cells[worker_].get();
  endpoint->name = &wanted.series->names.endpoint;
  endpoint_limits_ = endpoint_limits_ || wanted.max_sessions > 0 || wanted.max_connecting > 0;
  endpoints_.push_back(std::move(endpoint));
}

void Upstream::remove(std::unique_ptr<Endpoint> endpoint, Nanos cut_at) {
  if (endpoint->sessions == 0) return;
  endpoint->removed = true;
  endpoint->tier = kNoTier;
  endpoint->cut_at = cut_at;
  removed_.push_back(std::move(endpoint));
}

Nanos Upstream::cut_at(Nanos drain, Nanos now) const {
  switch (config().on_remove) {
    case config::OnRemove::kKeep:
      return base::kForever;
    case config::OnRemove::kDrain:
      return after(now, drain);
    case config::OnRemove::kClose:
      return now;
  }
  base::check_failed(__FILE__, __LINE__, "an on_remove of the enum");
}

void Upstream::retire(Nanos drain, Nanos now) {
  retired_ = true;
  for (const auto& endpoint : endpoints_) endpoint->cut_at = cut_at(drain, now);
}

void Upstream::read_verdicts(Nanos now) {
  bool changed = false;
  for (const auto& endpoint : endpoints_) changed |= look_at(*endpoint, now);
  if (changed) rebuild_balancers(now);
}

// True when it has got well or unwell. Whoever gets well starts slowly.
bool Upstream::look_at(Endpoint& endpoint, Nanos now) const {
  const Verdict& verdict = endpoint.series->verdict;
  const bool well = endpoint.weight > 0 && verdict.healthy.load(std::memory_order_relaxed) &&
                    !verdict.ejected.load(std::memory_order_relaxed);
  if (well == endpoint.well) return false;
  endpoint.well = well;
  const bool slowly = well && config().slow_start > Nanos{0};
  endpoint.slow_since = slowly ? now : base::kForever;
  return true;
}

void Upstream::rebuild_balancers(Nanos now) {
  next_slow_start_step_ = base::kForever;
  for (const auto& endpoint : endpoints_) {
    next_slow_start_step_ =
        std::min(next_slow_start_step_,
                 next_slow_start_step(endpoint->slow_since, config().slow_start, now));
  }
  const std::size_t tiers = sort_into_tiers(endpoints_, config().all_down);
  const MaglevTable* table = plan_->maglev ? &*plan_->maglev : nullptr;
  balancers_.clear();
  for (std::size_t tier = 0; tier < tiers; ++tier) {
    // Another seed each time: the same one would give the first turn to the same endpoint again.
    balancers_.push_back(
        make_balancer(config().balance, weights_of_tier(tier, now), table, seed_ + rebuilds_));
  }
  ++rebuilds_;
}

std::vector<BalancedEndpoint> Upstream::weights_of_tier(std::size_t tier, Nanos now) const {
  const bool slow = next_slow_start_step_ != base::kForever && weighs(config().balance);
  std::vector<BalancedEndpoint> balanced;
  balanced.reserve(endpoints_.size());
  for (const auto& endpoint : endpoints_) {
    std::uint32_t weight = endpoint->tier == tier ? endpoint->weight : 0;
    if (slow) {
      const Nanos since = endpoint->slow_since;
      weight = scaled(weight, slow_start_share(since, config().slow_start, now));
    }
    balanced.push_back(
        {.weight = weight, .key = balancing_key(*endpoint->name), .sessions = endpoint->sessions});
  }
  return balanced;
}

// --- Choosing.

Choice Upstream::choose(const base::IpPort& client, std::span<const std::uint16_t> tried,
                        Nanos now) {
  if (now >= next_slow_start_step_) rebuild_balancers(now);
  for (std::size_t tier = 0; tier < balancers_.size(); ++tier) {
    Balancer& balancer = *balancers_[tier];
    excluded_.assign(tried.begin(), tried.end());
    const bool full = endpoint_limits_ && exclude_full_ones(tier);
    const std::size_t known = excluded_.size();
    Choice choice = choose_in(balancer, client, false, now);
    if (choice.offer != Offer::kEndpoint && excluded_.size() > known) {
      // Those that start slowly have turned the client away, and nobody else is left.
      excluded_.resize(known);
      choice = choose_in(balancer, client, true, now);
    }
    if (choice.offer != Offer::kNobody) return choice;
    if (full) return {.offer = Offer::kFull};
  }
  return {};
}

// Whoever is in excluded_ is passed over, and those that could not take the session join them.
Choice Upstream::choose_in(Balancer& balancer, const base::IpPort& client, bool all_clients,
                           Nanos now) {
  bool full = false;
  while (const auto index = balancer.pick({.client = client, .tried = excluded_})) {
    Endpoint& endpoint = *endpoints_[*index];
    if (all_clients || takes(endpoint, client, now)) {
      if (take_endpoint(endpoint)) return {.offer = Offer::kEndpoint, .endpoint = &endpoint};
      full = true;  // Another worker was faster.
    }
    excluded_.push_back(*index);
  }
  return {.offer = full ? Offer::kFull : Offer::kNobody};
}

// Looks at the limits of everybody before the pick: with many full endpoints that costs less than
// picking them one by one. True when a full one is in the tier.
bool Upstream::exclude_full_ones(std::size_t tier) {
  bool any = false;
  for (const auto& endpoint : endpoints_) {
    if (endpoint->tier != tier) continue;
    const bool is_full =
        all_taken(*endpoint->series, &EndpointCells::sessions, endpoint->max_sessions) ||
        all_taken(*endpoint->series, &EndpointCells::connecting, endpoint->max_connecting);
    if (!is_full) continue;
    const bool was_tried =
        std::find(excluded_.begin(), excluded_.end(), endpoint->index) != excluded_.end();
    if (was_tried) continue;
    excluded_.push_back(endpoint->index);
    any = true;
  }
  return any;
}

bool Upstream::takes(const Endpoint& endpoint, const base::IpPort& client, Nanos now) {
  if (endpoint.slow_since == base::kForever || weighs(config().balance)) return true;
  const std::uint32_t share = slow_start_share(endpoint.slow_since, config().slow_start, now);
  return takes_client(client, share, unaddressed_.next());
}

bool Upstream::take_endpoint(Endpoint& endpoint) {
  if (!take_place(*endpoint.series, *endpoint.cells, &EndpointCells::sessions,
                  endpoint.max_sessions)) {
    return false;
  }
  if (!take_place(*endpoint.series, *endpoint.cells, &EndpointCells::connecting,
                  endpoint.max_connecting)) {
    free_place(*endpoint.cells, &EndpointCells::sessions);
    return false;
  }
  ++endpoint.sessions;
  balancers_[endpoint.tier]->session_started(endpoint.index);
  return true;
}

// --- The life of a session.

Choice Upstream::enter(const base::IpPort& client, std::span<const std::uint16_t> tried,
                       Nanos now) {
  const config::Limits& limits = config().limits;
  if (!take_place(*plan_->series, *cells_, &UpstreamCells::sessions, limits.max_sessions)) {
    return {.offer = Offer::kFull};
  }
  if (!take_place(*plan_->series, *cells_, &UpstreamCells::connecting, limits.max_connecting)) {
    free_place(*cells_, &UpstreamCells::sessions);
    return {.offer = Offer::kFull};
  }
  ++sessions_;
  const Choice choice = choose(client, tried, now);
  if (choice.offer != Offer::kEndpoint) gave_up();
  return choice;
}

Choice Upstream::try_another(const base::IpPort& client, std::span<const std::uint16_t> tried,
                             Nanos now) {
  return choose(client, tried, now);
}

void Upstream::connected(Endpoint& endpoint) {
  free_place(*endpoint.cells, &EndpointCells::connecting);
  free_place(*cells_, &UpstreamCells::connecting);
}

void Upstream::attempt_failed(Endpoint& endpoint) {
  free_place(*endpoint.cells, &EndpointCells::connecting);
  leave_endpoint(endpoint);
}

void Upstream::gave_up() {
  CHECK(sessions_ > 0);
  --sessions_;
  free_place(*cells_, &UpstreamCells::connecting);
  free_place(*cells_, &UpstreamCells::sessions);
}

void Upstream::left(Endpoint& endpoint) {
  CHECK(sessions_ > 0);
  --sessions_;
  free_place(*cells_, &UpstreamCells::sessions);
  leave_endpoint(endpoint);
}

void Upstream::leave_endpoint(Endpoint& endpoint) {
  CHECK(endpoint.sessions > 0);
  --endpoint.sessions;
  free_place(*endpoint.cells, &EndpointCells::sessions);
  if (endpoint.tier != kNoTier) balancers_[endpoint.tier]->session_ended(endpoint.index);
  if (!endpoint.removed || endpoint.sessions > 0) return;
  std::erase_if(removed_, [&](const auto& gone) { return gone.get() == &endpoint; });
}

}  // namespace proxy
