#include "proxy/pools.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "proxy/balancer.h"
#include "proxy/idle_lifetime.h"
#include "proxy/pool_limits.h"
#include "proxy/tag_kind.h"

namespace proxy {
namespace {

using backends::CloseMode;
using base::Errno;
using base::Nanos;

// Endpoints of all upstreams with a pool, those of a configuration that is going included.
constexpr std::size_t kEndpointsMax = std::size_t{1} << 20U;
// Connects begun in one turn of the loop: about a millisecond of work. The rest comes in the next.
constexpr std::size_t kDialsPerTurn = 64;
// A connection that was closed sooner than that after it stood was as good as refused; one that has
// stood so long proves that the endpoint is well again.
constexpr Nanos kProof = std::chrono::milliseconds(500);
// A connect that has been under way for longer has probably lost its first packet (the kernel sends
// the next after a second): a session does better to begin one of its own.
constexpr Nanos kJoinableFor = std::chrono::milliseconds(500);
// What sessions and pools hand to each other in one turn, usually.
constexpr std::size_t kHandovers = 256;

backends::TcpOptions tcp_of(const Snapshot& snapshot, std::size_t upstream) {
  for (const ListenerPlan& listener : snapshot.listeners) {
    if (listener.upstream == upstream) return tcp_options(listener.config->tcp);
  }
  return {};
}

bool has_pool(const UpstreamPlan& plan) {
  return plan.config->pool.idle > 0 && !plan.config->original_dst;
}

bool ours(Cause cause) { return cause == Cause::kResource || cause == Cause::kInternal; }

}  // namespace

Pools::Pools(const PoolsOptions& options, backends::Transport& transport)
    : options_(options),
      transport_(transport),
      prng_(options.seed),
      lives_(transport.now()),
      chores_(transport.now()),
      endpoints_(kEndpointsMax),
      pooled_(options.pooled_max) {
  handovers_.reserve(kHandovers);
}

// --- Configuration.

void Pools::apply(const SnapshotPtr& snapshot,
                  std::span<const std::unique_ptr<Upstream>> upstreams) {
  CHECK(snapshot->upstreams.size() == upstreams.size());
  auto old = std::move(upstreams_);
  upstreams_.clear();
  std::vector<base::SlotId> kept;
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    const UpstreamPlan& plan = snapshot->upstreams[i];
    if (!has_pool(plan)) {
      for (const auto& endpoint : upstreams[i]->endpoints()) endpoint->pool = {};
      continue;
    }
    UpstreamPool& shared = *upstreams_.emplace_back(std::make_unique<UpstreamPool>());
    shared.plan = &plan;
    shared.cells = plan.series->cells[options_.worker].get();
    shared.tcp = tcp_of(*snapshot, i);
    shared.sharer = {.worker = options_.worker,
                     .workers = plan.series->cells.size(),
                     .key = balancing_key(plan.config->name)};
    for (std::size_t at = 0; at < plan.endpoints.size(); ++at) {
      apply_endpoint(shared, plan.endpoints[at], *upstreams[i]->endpoints()[at]);
    }
    kept.insert(kept.end(), shared.members.begin(), shared.members.end());
  }
  close_all_but(std::move(kept));
  snapshot_ = snapshot;
}

void Pools::apply_endpoint(UpstreamPool& shared, const EndpointPlan& plan, Endpoint& endpoint) {
  EndpointPool* pool = find(endpoint);
  if (pool == nullptr) {
    endpoint.pool = endpoints_.emplace();
    pool = find(endpoint);
    if (pool == nullptr) return;  // More than kEndpointsMax: this one does without.
    pool->id = endpoint.pool;
  } else if (pool->upstream->tcp != shared.tcp || pool->upstream->plan->config->connect.sources !=
                                                      shared.plan->config->connect.sources) {
    empty(*pool);
  }
  const config::Pool& settings = shared.plan->config->pool;
  const bool ages_sooner =
      pool->upstream != nullptr && settings.max_age < pool->upstream->plan->config->pool.max_age;
  pool->upstream = &shared;
  pool->plan = &plan;
  pool->cells = plan.series->cells[options_.worker].get();
  pool->sharer = shared.sharer;
  pool->sharer.key = balancing_key(plan.series->names.endpoint);
  pool->share = share_of(settings.idle, pool->sharer);
  pool->share_max = share_of(std::max(settings.idle, settings.idle_max), pool->sharer);
  shared.members.push_back(pool->id);
  if (ages_sooner) shorten_lives(*pool);
  mark_due(*pool);
}

// Upstreams and plans that the closed ones point to must still be there.
void Pools::close_all_but(std::vector<base::SlotId> kept) {
  const auto by_slot = [](base::SlotId a, base::SlotId b) { return a.slot < b.slot; };
  std::sort(kept.begin(), kept.end(), by_slot);
  endpoints_.for_each([&](base::SlotId id, EndpointPool& pool) {
    if (std::binary_search(kept.begin(), kept.end(), id, by_slot)) return;
    empty(pool);
    if (pool.due_link.listed) due_.erase(pool);
    endpoints_.erase(id);
  });
}

void Pools::empty(EndpointPool& pool) {
  while (pool.size() > 0) discard_one(pool);
  show_target(pool, 0);
}

void Pools::show_target(EndpointPool& pool, std::uint32_t target) {
  const std::int64_t before = std::exchange(pool.shown_target, target);
  pool.upstream->cells->pool_target.add(target - before);
}

void Pools::shorten_lives(EndpointPool& pool) {
  for (Pooled* each = pool.ready.front(); each != nullptr; each = PooledList::next(*each)) {
    const Nanos lifetime = idle_lifetime(pool.upstream->plan->config->pool.max_age, prng_);
    each->retires_at = std::min(each->retires_at, each->connected_at + lifetime);
    if (each->state == Pooled::State::kIdle) lives_.arm(*each, each->retires_at);
  }
}

void Pools::verdicts_changed() {
  endpoints_.for_each([this](base::SlotId, EndpointPool& pool) { mark_due(pool); });
}

// --- One connection.

Pooled* Pools::add(EndpointPool& home) {
  const base::SlotId id = pooled_.emplace();
  Pooled* pooled = pooled_.find(id);
  if (pooled == nullptr) return nullptr;
  pooled->id = id;
  pooled->home = &home;
  home.connecting.push_back(*pooled);
  count(*pooled, 1);
  return pooled;
}

// Forgets it; the caller has the connection.
backends::Connection Pools::remove(Pooled& pooled) {
  EndpointPool& home = *pooled.home;
  count(pooled, -1);
  (pooled.state == Pooled::State::kConnecting ? home.connecting : home.ready).erase(pooled);
  if (pooled.state == Pooled::State::kOnProof) --home.on_proof;
  mark_due(home);
  backends::Connection connection = std::move(pooled.connection);
  pooled_.erase(pooled.id);
  return connection;
}

void Pools::count(const Pooled& pooled, std::int64_t delta) {
  EndpointPool& home = *pooled.home;
  UpstreamCells& cells = *home.upstream->cells;
  home.cells->pooled.add(delta);
  if (pooled.state != Pooled::State::kConnecting) {
    cells.pool_idle.add(delta);
    return;
  }
  cells.pool_connecting.add(delta);
  cells.connecting.add(delta);
  home.cells->connecting.add(delta);
}

void Pools::stands(Pooled& pooled, Nanos connected_at, Nanos connect_time) {
  EndpointPool& home = *pooled.home;
  count(pooled, -1);
  home.connecting.erase(pooled);
  pooled.state = home.backoff.failing() ? Pooled::State::kOnProof : Pooled::State::kIdle;
  pooled.connected_at = connected_at;
  pooled.connect_time = connect_time;
  pooled.retires_at =
      connected_at + idle_lifetime(home.upstream->plan->config->pool.max_age, prng_);
  home.ready.push_back(pooled);
  count(pooled, 1);
  if (pooled.state == Pooled::State::kOnProof) {
    ++home.on_proof;
    lives_.arm(pooled, std::min(connected_at + kProof, pooled.retires_at));
  } else {
    lives_.arm(pooled, pooled.retires_at);
  }
  mark_due(home);
}

// False: other workers have taken the places for connecting.
bool Pools::dial(EndpointPool& pool) {
  const config::Connect& connect = pool.upstream->plan->config->connect;
  Pooled* pooled = add(pool);
  CHECK(pooled != nullptr);
  if (too_many_connecting(pool)) {
    remove(*pooled);
    return false;
  }
  pooled->started = transport_.now();
  pooled->connection = transport_.connect({.remote = pool.plan->address,
                                           .sources = connect.sources,
                                           .first_source = source_++,
                                           .tcp = pool.upstream->tcp,
                                           .park = true},
                                          make_tag(TagKind::kPool, pooled->id));
  lives_.arm(*pooled, pooled->started + connect.timeout);
  return true;
}

void Pools::connected(const backends::Event& event) {
  Pooled* pooled = pooled_.find(event.tag.id);
  if (pooled == nullptr || pooled->state != Pooled::State::kConnecting) return;
  EndpointPool& home = *pooled->home;
  if (event.error != Errno::kNone) {
    dial_failed(*pooled, cause_of_connect_error(event.error));
    return;
  }
  const Nanos now = transport_.now();
  const Nanos took = now - pooled->started;
  home.demand.connected(took);
  home.upstream->cells->connect.observe(took);
  if (home.plan->series->verdict.suspected.load(std::memory_order_relaxed)) {
    report(home, Outcome::kConnected);
  }
  stands(*pooled, now, took);
}

void Pools::dial_failed(Pooled& pooled, Cause cause) {
  EndpointPool& home = *pooled.home;
  home.cells->connect_failed(cause);
  home.backoff.failed(transport_.now(), prng_);
  if (!ours(cause)) report(home, Outcome::kConnectFailed);
  remove(pooled).close(CloseMode::kReset);
}

void Pools::report(const EndpointPool& pool, Outcome outcome) {
  if (options_.evidence == nullptr || !pool.upstream->plan->config->outlier) return;
  options_.evidence->push(
      {.endpoint = pool.plan->series, .at = transport_.now(), .outcome = outcome});
}

void Pools::peer_closed(const backends::Event& event) {
  Pooled* pooled = pooled_.find(event.tag.id);
  // While it connects, kConnected will say what there is to say.
  if (pooled == nullptr || pooled->state == Pooled::State::kConnecting) return;
  died(*pooled);
}

// The service has closed it.
void Pools::died(Pooled& pooled) {
  const Nanos now = transport_.now();
  if (now - pooled.connected_at < kProof) pooled.home->backoff.failed(now, prng_);
  discard(pooled, Discard::kClosed);
}

void Pools::discard(Pooled& pooled, Discard cause) {
  pooled.home->upstream->cells->discard(cause);
  const bool stood = pooled.state != Pooled::State::kConnecting;
  remove(pooled).close(stood ? CloseMode::kGraceful : CloseMode::kReset);
}

// The one that has cost least so far.
void Pools::discard_one(EndpointPool& pool) {
  Pooled* pooled = pool.connecting.empty() ? pool.ready.front() : pool.connecting.front();
  discard(*pooled, Discard::kExcess);
}

// --- Sessions.

bool Pools::serves(const Endpoint& endpoint, const backends::TcpOptions& tcp) {
  const EndpointPool* pool = find(endpoint);
  return pool != nullptr && pool->upstream->tcp == tcp;
}

ReadyConnection Pools::take(Endpoint& endpoint, const backends::TcpOptions& tcp) {
  EndpointPool* pool = find(endpoint);
  if (pool == nullptr) return {};
  UpstreamCells& cells = *pool->upstream->cells;
  if (pool->upstream->tcp != tcp) {
    cells.checked_out(Checkout::kMiss);
    return {};
  }
  pool->demand.asked(transport_.now());
  mark_due(*pool);
  while (Pooled* pooled = pool->ready.front()) {
    if (!transport_.alive(pooled->connection.id())) {
      cells.checked_out(Checkout::kStale);
      died(*pooled);
      continue;
    }
    ReadyConnection ready{.connection = {},
                          .connected_at = pooled->connected_at,
                          .connect_time = pooled->connect_time};
    ready.connection = remove(*pooled);
    pool->backoff.succeeded();
    cells.checked_out(Checkout::kHit);
    cells.saved_nanoseconds.add(static_cast<std::uint64_t>(ready.connect_time.count()));
    return ready;
  }
  cells.checked_out(Checkout::kMiss);
  return {};
}

DialUnderWay Pools::join(Endpoint& endpoint, const backends::TcpOptions& tcp, backends::Tag owner) {
  if (!serves(endpoint, tcp)) return {};
  EndpointPool* const found = find(endpoint);
  CHECK(found != nullptr);  // It serves. The optimiser does not know.
  EndpointPool& pool = *found;
  const Nanos timeout = pool.upstream->plan->config->connect.timeout;
  const Nanos youngest = transport_.now() - std::min(kJoinableFor, timeout / 2);
  for (Pooled* each = pool.connecting.front(); each != nullptr; each = PooledList::next(*each)) {
    // Without a connection it waits only to be told that it failed.
    if (each->started < youngest || !each->connection) continue;
    const backends::Tag tag = make_tag(TagKind::kPool, each->id);
    DialUnderWay dial{.connection = {}, .started = each->started};
    dial.connection = remove(*each);
    transport_.retag(dial.connection.id(), owner);
    handovers_.push_back({.from = tag, .to = owner});
    return dial;
  }
  return {};
}

bool Pools::adopt(Endpoint& endpoint, DialUnderWay& dial, backends::Tag owner) {
  EndpointPool* pool = find(endpoint);
  if (pool == nullptr || draining_ || !dial || !pool->wants() || pooled_.full()) return false;
  Pooled& pooled = *add(*pool);
  const backends::Tag tag = make_tag(TagKind::kPool, pooled.id);
  pooled.started = dial.started;
  pooled.connection = std::move(dial.connection);
  transport_.retag(pooled.connection.id(), tag);
  handovers_.push_back({.from = owner, .to = tag});
  lives_.arm(pooled, pooled.started + pool->upstream->plan->config->connect.timeout);
  return true;
}

void Pools::give_back(Endpoint& endpoint, ReadyConnection ready) {
  EndpointPool* pool = find(endpoint);
  const bool wanted = pool != nullptr && !draining_ && pool->wants() && !pooled_.full() &&
                      transport_.alive(ready.connection.id());
  if (!wanted) {
    ready.connection.close(CloseMode::kGraceful);
    return;
  }
  Pooled& pooled = *add(*pool);
  pooled.started = ready.connected_at - ready.connect_time;
  pooled.connection = std::move(ready.connection);
  transport_.retag(pooled.connection.id(), make_tag(TagKind::kPool, pooled.id));
  stands(pooled, ready.connected_at, ready.connect_time);
}

bool Pools::make_room(Endpoint& endpoint) {
  EndpointPool* pool = find(endpoint);
  if (pool == nullptr) return true;
  while (endpoint_overfull(*pool) && pool->size() > 0) discard_one(*pool);
  for (const base::SlotId id : pool->upstream->members) {
    EndpointPool& member = endpoints_[id];
    while (upstream_overfull(*pool->upstream) && member.size() > 0) discard_one(member);
  }
  return !endpoint_overfull(*pool) && !upstream_overfull(*pool->upstream);
}

bool Pools::give_way(const Upstream& upstream) {
  bool gave = false;
  const bool all = upstream.config().limits.max_connecting > 0;
  for (const auto& endpoint : upstream.endpoints()) {
    EndpointPool* pool = find(*endpoint);
    if (pool == nullptr || (!all && pool->plan->max_connecting == 0)) continue;
    while (Pooled* pooled = pool->connecting.front()) {
      discard(*pooled, Discard::kExcess);
      gave = true;
    }
  }
  return gave;
}

backends::Tag Pools::owner_now(backends::Tag tag) const {
  for (const Handover& handover : handovers_) {
    if (handover.from == tag) tag = handover.to;
  }
  return tag;
}

// --- Time.

void Pools::expire() {
  handovers_.clear();
  const Nanos now = transport_.now();
  while (TimerWheel::Timer* timer = lives_.pop_expired(now)) expired(static_cast<Pooled&>(*timer));
  while (TimerWheel::Timer* timer = chores_.pop_expired(now)) {
    mark_due(static_cast<EndpointPool&>(*timer));
  }
  std::size_t dials_left = kDialsPerTurn;
  for (std::size_t turns = due_.size(); turns > 0 && dials_left > 0; --turns) {
    EndpointPool& pool = *due_.front();
    due_.erase(pool);
    dials_left -= adjust(pool, dials_left);
  }
}

void Pools::expired(Pooled& pooled) {
  switch (pooled.state) {
    case Pooled::State::kConnecting:
      dial_failed(pooled, Cause::kConnectTimeout);
      return;
    case Pooled::State::kOnProof:
      pooled.home->backoff.succeeded();
      --pooled.home->on_proof;
      pooled.state = Pooled::State::kIdle;
      lives_.arm(pooled, pooled.retires_at);
      mark_due(*pooled.home);
      return;
    case Pooled::State::kIdle:
      discard(pooled, Discard::kAged);
      return;
  }
}

void Pools::mark_due(EndpointPool& pool) {
  if (!pool.due_link.listed) due_.push_back(pool);
}

// Brings a pool to the size it should have. Returns the connects begun.
std::size_t Pools::adjust(EndpointPool& pool, std::size_t dials_max) {
  const Nanos now = transport_.now();
  pool.demand.advance(now);
  for (std::uint32_t more = std::max(pool.excess(), places_owed(pool)); more > 0; --more) {
    discard_one(pool);
  }
  const std::uint32_t missing = draining_ ? 0 : pool.missing(now);
  std::size_t dials = missing > 0 ? std::min(missing, places_left(pool)) : 0;
  dials = std::min(dials, pooled_.capacity() - pooled_.size());
  const bool limited = dials < missing;
  const bool unfinished = dials > dials_max;
  dials = std::min(dials, dials_max);
  std::size_t begun = 0;
  while (begun < dials && dial(pool)) ++begun;
  if (pool.due_link.listed) due_.erase(pool);  // By the changes made here.
  if (unfinished) mark_due(pool);
  show_target(pool, pool.usable() && !draining_ ? pool.target() : 0);
  Nanos next = pool.next_change(now);
  if (limited || begun < dials || (limits_watched(pool) && pool.size() > 0)) {
    next = std::min(next, now + kLimitsInterval);
  }
  if (next == base::kForever) {
    chores_.cancel(pool);
  } else {
    chores_.arm(pool, next);
  }
  return begun;
}

Nanos Pools::next_deadline() const {
  if (!due_.empty()) return transport_.now();
  return std::min(lives_.next_deadline(), chores_.next_deadline());
}

void Pools::close_all() {
  draining_ = true;
  endpoints_.for_each([this](base::SlotId, EndpointPool& pool) { empty(pool); });
}

}  // namespace proxy
