#include "proxy/backoff.h"

#include <algorithm>

namespace proxy {

void Backoff::failed(base::Nanos now, base::Prng& prng) {
  if (waiting(now)) return;
  base::Nanos longest = kFirst;
  for (std::uint32_t i = 0; i < failures_ && longest < kLongest; ++i) longest *= 2;
  longest = std::min(longest, kLongest);
  const auto half = static_cast<std::uint64_t>(longest.count() / 2);
  until_ = now + base::Nanos(prng.between(half, 2 * half));
  ++failures_;
}

}  // namespace proxy
