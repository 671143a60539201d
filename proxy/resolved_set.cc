#include "proxy/resolved_set.h"

#include <algorithm>
#include <utility>

namespace proxy {
namespace {

using base::Nanos;

// Retries of many names that failed together come apart by up to this share of `refresh`.
constexpr std::uint64_t kJitterShare = 4;

Nanos after(Nanos now, Nanos duration) {
  return duration < base::kForever - now ? now + duration : base::kForever;
}

}  // namespace

bool ResolvedSet::take(const DnsAnswer& answer, Nanos now, std::uint64_t random) {
  const bool good = answer.result == DnsResult::kOk && !answer.addresses.empty();
  if (good) {
    merge(answer, now);
    const Nanos longest = std::max(dns_.refresh, dns_.refresh_max);
    next_lookup_ = after(now, std::clamp(answer.ttl, dns_.refresh, longest));
  }
  if (!good || !answer.complete) {
    drop_stale(now);
    const auto spread = static_cast<std::uint64_t>(dns_.refresh.count()) / kJitterShare + 1;
    next_lookup_ = after(now, dns_.refresh + Nanos(random % spread));
  }
  return expire(now);
}

void ResolvedSet::merge(const DnsAnswer& answer, Nanos now) {
  for (const DnsAddress& address : answer.addresses) {
    const auto known = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
      return held.address.address == address.address;
    });
    Held& held = known != held_.end() ? *known : held_.emplace_back();
    held = {.address = address, .last_seen = now, .leaves = base::kForever};
  }
  if (!answer.complete) return;
  for (Held& held : held_) {
    if (held.last_seen == now) continue;
    held.leaves = std::min(held.leaves, after(now, dns_.linger));
  }
}

void ResolvedSet::drop_stale(Nanos now) {
  std::erase_if(held_, [&](const Held& held) {
    return held.last_seen < now && now - held.last_seen >= dns_.stale;
  });
}

bool ResolvedSet::expire(Nanos now) {
  std::erase_if(held_, [now](const Held& held) { return held.leaves <= now; });
  return rebuild();
}

bool ResolvedSet::drop_own(const DnsFilter& filter) {
  std::erase_if(held_, [&](const Held& held) { return filter.is_own(held.address.address); });
  return rebuild();
}

Nanos ResolvedSet::next_expiry() const {
  Nanos next = base::kForever;
  for (const Held& held : held_) next = std::min(next, held.leaves);
  return next;
}

bool ResolvedSet::rebuild() {
  // The bound holds for those that linger too: the ones missing longest make room.
  if (held_.size() > DnsFilter::kAddressesMax) {
    std::sort(held_.begin(), held_.end(), [](const Held& a, const Held& b) {
      if (a.leaves != b.leaves) return a.leaves > b.leaves;
      return comes_before(a.address, b.address);
    });
    held_.resize(DnsFilter::kAddressesMax);
  }
  std::vector<DnsAddress> now;
  now.reserve(held_.size());
  for (const Held& held : held_) now.push_back(held.address);
  std::sort(now.begin(), now.end(), comes_before);
  if (now == addresses_) return false;
  addresses_ = std::move(now);
  return true;
}

}  // namespace proxy
