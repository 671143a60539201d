#include "proxy/pool_share.h"

#include "base/assert.h"

namespace proxy {

std::uint32_t share_of(std::uint32_t total, const Sharer& sharer) {
  CHECK(sharer.worker < sharer.workers);
  const std::uint64_t place = (sharer.worker + sharer.key % sharer.workers) % sharer.workers;
  const std::uint64_t all = total / sharer.workers;
  const std::uint64_t odd = total % sharer.workers;
  return static_cast<std::uint32_t>(all + (place < odd ? 1 : 0));
}

std::uint32_t places_for_pools(std::uint32_t max_sessions, std::int64_t sessions,
                               std::size_t workers) {
  const std::int64_t free = static_cast<std::int64_t>(max_sessions) - sessions;
  if (free <= 0) return 0;
  return static_cast<std::uint32_t>(workers == 1 ? free : free / 2);
}

}  // namespace proxy
