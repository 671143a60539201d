#include "backends/transport_factory.h"

#include <utility>

#include "backends/epoll/epoll_engine.h"
#include "backends/io_uring/uring_engine.h"
#include "backends/socket/socket_factory.h"

namespace backends {
namespace {

// Best first: what "auto" takes (docs/adr/0013), and what takes the place of an engine that is
// refused.
std::vector<socket::Engine> all_engines() { return {io_uring::engine(), epoll::engine()}; }

}  // namespace

std::vector<EngineInfo> engines() {
  std::vector<EngineInfo> infos;
  for (const socket::Engine& engine : all_engines()) infos.push_back(engine.probe());
  return infos;
}

base::Parsed<std::unique_ptr<TransportFactory>> make_transport_factory(std::string_view engine) {
  std::vector<socket::ProbedEngine> wanted;
  std::string known;
  for (const socket::Engine& each : all_engines()) {
    known += (known.empty() ? "" : ", ") + std::string(each.name);
    if (wanted.empty() && engine != "auto" && engine != each.name) continue;
    socket::ProbedEngine probed{.engine = each, .info = each.probe()};
    if (engine == "auto" && probed.info.usable && !probed.info.worthwhile) continue;
    wanted.push_back(std::move(probed));
  }
  if (wanted.empty()) {
    return base::failure("there is no engine '" + std::string(engine) + "'; this binary has " +
                         known);
  }
  return std::make_unique<socket::SocketFactory>(std::move(wanted));
}

}  // namespace backends
