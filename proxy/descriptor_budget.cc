#include "proxy/descriptor_budget.h"

#include <sys/resource.h>

#include <algorithm>

namespace proxy {
namespace {

// Standard streams, the metrics port with its connections, listeners and their claims, epoll and
// event descriptors. A configuration with hundreds of listeners takes from the sessions' share.
constexpr std::size_t kReserved = 256;
// A worker that could not hold a single session would be of no use; accept() then meets EMFILE,
// which is handled.
constexpr std::size_t kConnectionsMin = 16;
// With more than a million descriptors the tables would only cost address space.
constexpr std::size_t kConnectionsMax = std::size_t{1} << 21U;
// Bulk directions that splice at a time. 64 pipes of the engine's size stay within one user's soft
// limit for a few workers; what gets no pipe is copied.
constexpr std::size_t kPipes = 64;
// No more of a small budget than this part goes into pipes (two descriptors each).
constexpr std::size_t kPipeShare = 8;

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // POSIX's usual soft limit.
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

backends::TransportOptions share_of_descriptors(std::size_t descriptors, std::size_t workers) {
  const std::size_t usable =
      descriptors > 2 * kReserved ? descriptors - kReserved : descriptors / 2;
  const std::size_t share = usable / workers;
  backends::TransportOptions options;
  options.pipes_max = std::min(kPipes, share / kPipeShare / 2);
  options.connections_max =
      std::clamp(share - 2 * options.pipes_max, kConnectionsMin, kConnectionsMax);
  options.clients_max = options.connections_max / 2;
  return options;
}

}  // namespace proxy
