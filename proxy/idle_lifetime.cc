#include "proxy/idle_lifetime.h"

namespace proxy {

base::Nanos idle_lifetime(base::Nanos max_age, base::Prng& prng) {
  const base::Nanos percent = max_age / 100;
  const auto spread =
      static_cast<std::uint64_t>((percent * (kIdleLifetimeMax - kIdleLifetimeMin)).count());
  return percent * kIdleLifetimeMin + base::Nanos(prng.below(spread + 1));
}

}  // namespace proxy
