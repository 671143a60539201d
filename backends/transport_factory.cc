#include "backends/transport_factory.h"

#include <utility>

#include "backends/epoll/epoll_engine.h"
#include "backends/io_uring/uring_engine.h"
#include "backends/socket/socket_factory.h"

namespace backends {
namespace {

// Each is replaced by one behind it where the machine refuses it.
std::vector<socket::Engine> all_engines() { return {io_uring::engine(), epoll::engine()}; }

// What "auto" begins with: decided by measurement, docs/adr/0013.
constexpr std::string_view kAutomatic = "epoll";

}  // namespace

std::vector<EngineInfo> engines() {
  std::vector<EngineInfo> infos;
  for (const socket::Engine& engine : all_engines()) infos.push_back(engine.probe());
  return infos;
}

base::Parsed<std::unique_ptr<TransportFactory>> make_transport_factory(std::string_view engine) {
  const std::string_view first = engine == "auto" ? kAutomatic : engine;
  std::vector<socket::ProbedEngine> wanted;
  std::string known;
  for (const socket::Engine& each : all_engines()) {
    known += (known.empty() ? "" : ", ") + std::string(each.name);
    if (wanted.empty() && first != each.name) continue;
    wanted.push_back({.engine = each, .info = each.probe()});
  }
  if (wanted.empty()) {
    return base::failure("there is no engine '" + std::string(engine) + "'; this binary has " +
                         known);
  }
  return std::make_unique<socket::SocketFactory>(std::move(wanted));
}

}  // namespace backends
