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
// And this part of the connections is for pools. A client never loses its upstream's place to them.
constexpr std::size_t kPoolShare = 16;

// Health checks under way. A thousand endpoints that swallow every packet, each checked every 2 s
// with a timeout of 1 s, keep 500 under way; answered ones are over in well under a millisecond.
constexpr std::size_t kChecksMax = 512;
constexpr std::size_t kChecksMin = 16;
// No more of a small budget than this part.
constexpr std::size_t kCheckShare = 32;

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;  // POSIX's usual soft limit.
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::size_t share_of_checks(std::size_t descriptors) {
  return std::clamp(descriptors / kCheckShare, kChecksMin, kChecksMax);
}

backends::TransportOptions share_of_descriptors(std::size_t descriptors, std::size_t workers) {
  const std::size_t reserved = kReserved + share_of_checks(descriptors);
  const std::size_t usable = descriptors > 2 * reserved ? descriptors - reserved : descriptors / 2;
  const std::size_t share = usable / workers;
  backends::TransportOptions options;
  options.pipes_max = std::min(kPipes, share / kPipeShare / 2);
  options.connections_max =
      std::clamp(share - 2 * options.pipes_max, kConnectionsMin, kConnectionsMax);
  share_connections(options);
  return options;
}

void share_connections(backends::TransportOptions& options) {
  const std::size_t for_pools = options.connections_max / kPoolShare;
  options.clients_max = (options.connections_max - for_pools) / 2;
}

std::size_t pooled_max(const backends::TransportOptions& options) {
  return options.connections_max - 2 * options.clients_max;
}

}  // namespace proxy
