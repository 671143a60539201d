#include "proxy/pool_limits.h"

#include <algorithm>
#include <atomic>

namespace proxy {
namespace {

// What a limit on sessions is about, on one level: the upstream or the endpoint.
struct Level {
  std::uint32_t max_sessions = 0;
  std::int64_t sessions = 0;
  std::int64_t pooled = 0;  // By all workers,
  std::int64_t mine = 0;    // and by this one.
  const Sharer& sharer;

  bool full() const { return max_sessions > 0 && sessions + pooled >= max_sessions; }
  bool overfull() const { return max_sessions > 0 && sessions + pooled > max_sessions; }
  std::int64_t my_places() const {
    return share_of(places_for_pools(max_sessions, sessions, sharer.workers), sharer);
  }
};

Level level_of(const UpstreamPool& pool) {
  const UpstreamSeries& series = *pool.plan->series;
  const std::uint32_t limit = pool.plan->config->limits.max_sessions;
  if (limit == 0) return {.sharer = pool.sharer};
  return {.max_sessions = limit,
          .sessions = sum_over_workers(series, &UpstreamCells::sessions),
          .pooled = sum_over_workers(series, &UpstreamCells::pool_idle) +
                    sum_over_workers(series, &UpstreamCells::pool_connecting),
          .mine = pool.size(),
          .sharer = pool.sharer};
}

Level level_of(const EndpointPool& pool) {
  const EndpointSeries& series = *pool.plan->series;
  if (pool.plan->max_sessions == 0) return {.sharer = pool.sharer};
  return {.max_sessions = pool.plan->max_sessions,
          .sessions = sum_over_workers(series, &EndpointCells::sessions),
          .pooled = sum_over_workers(series, &EndpointCells::pooled),
          .mine = static_cast<std::int64_t>(pool.size()),
          .sharer = pool.sharer};
}

std::uint32_t left_for_me(const Level& level) {
  if (level.max_sessions == 0) return UINT32_MAX;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(level.my_places() - level.mine, 0));
}

std::uint32_t owed(const Level& level) {
  if (!level.full()) return 0;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(level.mine - level.my_places(), 0));
}

// A session that finds a connection in the pool holds a place for connecting too, for a moment.
template <typename Cells>
std::uint32_t connects_left(std::uint32_t limit, const Series<Cells>& series) {
  if (limit == 0) return UINT32_MAX;
  const std::int64_t for_pools = (std::int64_t{limit} + 1) / 2;
  const std::int64_t now = sum_over_workers(series, &Cells::connecting);
  return static_cast<std::uint32_t>(std::max<std::int64_t>(for_pools - now, 0));
}

template <typename Cells>
bool above(std::uint32_t limit, const Series<Cells>& series) {
  return limit > 0 && sum_over_workers(series, &Cells::connecting) > std::int64_t{limit};
}

}  // namespace

std::uint32_t places_left(const EndpointPool& pool) {
  const config::Limits& limits = pool.upstream->plan->config->limits;
  const UpstreamSeries& series = *pool.upstream->plan->series;
  // Whoever waits there needs the next place more.
  if (limits.queue > 0 && sum_over_workers(series, &UpstreamCells::queued) > 0) return 0;
  return std::min({connects_left(limits.max_connecting, series),
                   connects_left(pool.plan->max_connecting, *pool.plan->series),
                   left_for_me(level_of(*pool.upstream)), left_for_me(level_of(pool))});
}

bool too_many_connecting(const EndpointPool& pool) {
  const std::uint32_t limit = pool.upstream->plan->config->limits.max_connecting;
  if (limit == 0 && pool.plan->max_connecting == 0) return false;
  // As in take_place(): of two workers that race at least one sees the other.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return above(limit, *pool.upstream->plan->series) ||
         above(pool.plan->max_connecting, *pool.plan->series);
}

std::uint32_t places_owed(const EndpointPool& pool) {
  const auto most = static_cast<std::uint32_t>(pool.size());
  return std::min(most, std::max(owed(level_of(*pool.upstream)), owed(level_of(pool))));
}

bool endpoint_overfull(const EndpointPool& pool) { return level_of(pool).overfull(); }

bool upstream_overfull(const UpstreamPool& pool) { return level_of(pool).overfull(); }

bool limits_watched(const EndpointPool& pool) {
  const config::Limits& limits = pool.upstream->plan->config->limits;
  return pool.sharer.workers > 1 && (limits.max_sessions > 0 || pool.plan->max_sessions > 0);
}

}  // namespace proxy
