#include "proxy/endpoint_pool.h"

#include <algorithm>

namespace proxy {

bool EndpointPool::usable() const {
  const Verdict& verdict = plan->series->verdict;
  return plan->weight > 0 && verdict.healthy.load(std::memory_order_relaxed) &&
         !verdict.ejected.load(std::memory_order_relaxed);
}

std::uint32_t EndpointPool::target() const {
  return std::min(std::max(share, demand.predicted()), share_max);
}

std::uint32_t EndpointPool::missing(base::Nanos now) const {
  const auto have = static_cast<std::uint32_t>(size());
  const auto on_the_way = static_cast<std::uint32_t>(connecting.size());
  if (!usable() || backoff.waiting(now) || have >= target()) return 0;
  // An endpoint that has failed is asked with one connection, until that one has stood for a while.
  if (backoff.failing()) return on_the_way + on_proof == 0 ? 1 : 0;
  const std::uint32_t at_once = std::max(kConnectingMin, demand.predicted());
  return std::min(target() - have, at_once - std::min(at_once, on_the_way));
}

std::uint32_t EndpointPool::excess() const {
  const auto have = static_cast<std::uint32_t>(size());
  if (!usable()) return have;
  const std::uint32_t wanted = target();
  // Where demand decides, a quarter more is kept; else exactly the share.
  const std::uint32_t slack = demand.predicted() >= std::max(share, 1U) ? 1 + wanted / 4 : 0;
  const std::uint32_t most = std::min(wanted + slack, share_max);
  return have > most ? have - most : 0;
}

base::Nanos EndpointPool::next_change(base::Nanos now) const {
  base::Nanos soonest = demand.next_change();
  if (usable() && backoff.waiting(now)) soonest = std::min(soonest, backoff.until());
  return soonest;
}

}  // namespace proxy
