#include "backends/sim/sim_connect.h"

#include <cerrno>

namespace backends {

base::Result<SimSocketId> start_connect(SimNetwork& network, const ConnectSpec& spec,
                                        SimOwner& owner, std::uint64_t cookie,
                                        TransportStats& stats) {
  constexpr base::Errno kNoPort = base::to_errno(EADDRNOTAVAIL);
  const base::Family family = spec.remote.family();
  SimConnect connect;
  connect.remote = spec.remote;
  connect.tcp = spec.tcp;
  if (spec.sources.empty() || family == base::Family::kUnix) {
    auto socket = network.connect(connect, owner, cookie);
    if (!socket && socket.error() == kNoPort) ++stats.sources_exhausted;
    return socket;
  }
  base::Result<SimSocketId> socket = base::failure(kNoPort);
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    const base::IpPort& source = spec.sources[(spec.first_source + i) % spec.sources.size()];
    if (source.family != family) continue;
    connect.source = source;
    socket = network.connect(connect, owner, cookie);
    if (socket || socket.error() != kNoPort) break;
    ++stats.sources_exhausted;
  }
  return socket;
}

}  // namespace backends
