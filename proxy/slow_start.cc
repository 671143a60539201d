#include "proxy/slow_start.h"

#include <limits>

#include "base/assert.h"
#include "proxy/client_hash.h"

namespace proxy {
namespace {

using base::Nanos;

// Another number than those by which policies place clients (they use attempts from 0).
constexpr std::uint64_t kAttempt = std::numeric_limits<std::uint64_t>::max();

// Steps that have passed; kSlowStartSteps or more: over.
std::int64_t steps_passed(Nanos since, Nanos duration, Nanos now) {
  const Nanos step = duration / kSlowStartSteps;
  if (since == base::kForever || step <= Nanos{0} || now - since >= duration) {
    return kSlowStartSteps;
  }
  return (now - since) / step;
}

}  // namespace

std::uint32_t slow_start_share(Nanos since, Nanos duration, Nanos now) {
  const std::int64_t steps = steps_passed(since, duration, now);
  if (steps >= kSlowStartSteps) return kWhole;
  return static_cast<std::uint32_t>(steps + 1) * (kWhole / kSlowStartSteps);
}

Nanos next_slow_start_step(Nanos since, Nanos duration, Nanos now) {
  const std::int64_t steps = steps_passed(since, duration, now);
  if (steps >= kSlowStartSteps) return base::kForever;
  return since + (steps + 1) * (duration / kSlowStartSteps);
}

bool weighs(config::Balance policy) {
  switch (policy) {
    case config::Balance::kRoundRobin:
    case config::Balance::kLeastSessions:
    case config::Balance::kRandomTwo:
      return true;
    case config::Balance::kSourceHash:
    case config::Balance::kMaglev:
    case config::Balance::kFirst:
      return false;
  }
  base::check_failed(__FILE__, __LINE__, "a policy of the enum");
}

bool takes_client(const base::IpPort& client, std::uint32_t share, std::uint64_t otherwise) {
  const std::uint64_t number = has_client_hash(client) ? client_hash(client, kAttempt) : otherwise;
  return number % kWhole < share;
}

}  // namespace proxy
