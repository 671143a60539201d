#include "backends/transport_factory.h"

#include <utility>

#include "backends/epoll/epoll_engine.h"
#include "backends/io_uring/uring_engine.h"
#include "backends/socket/socket_factory.h"
#ifdef MILLRACE_DPDK
#include "backends/dpdk/eal/dpdk_factory.h"
#endif

namespace backends {
namespace {

// Each is replaced by one behind it where the machine refuses it.
std::vector<socket::Engine> all_engines() { return {io_uring::engine(), epoll::engine()}; }

// What "auto" begins with: decided by measurement, docs/adr/0013.
constexpr std::string_view kAutomatic = "epoll";

constexpr std::string_view kBypass = "dpdk";

// The engine with ports of its own: only ever by its name, and built in only where it was asked
// for.
#ifdef MILLRACE_DPDK
EngineInfo bypass_info() { return dpdk::eal::probe(); }
base::Parsed<std::unique_ptr<TransportFactory>> make_bypass(const PortSettings& ports) {
  auto kernel = make_transport_factory("auto");
  if (!kernel) return kernel;
  return dpdk::eal::make_factory(ports, *std::move(kernel));
}
#else
constexpr std::string_view kNotBuilt =
    "this binary was built without it; the CMake preset 'dpdk' builds it in (docs/dpdk.md)";
EngineInfo bypass_info() {
  return {.name = kBypass, .reason = std::string(kNotBuilt), .needs_ports = true};
}
base::Parsed<std::unique_ptr<TransportFactory>> make_bypass(const PortSettings&) {
  return base::failure("transport " + std::string(kBypass) + ": " + std::string(kNotBuilt));
}
#endif

}  // namespace

std::vector<EngineInfo> engines() {
  std::vector<EngineInfo> infos;
  for (const socket::Engine& engine : all_engines()) infos.push_back(engine.probe());
  infos.push_back(bypass_info());
  return infos;
}

base::Parsed<std::unique_ptr<TransportFactory>> make_transport_factory(std::string_view engine,
                                                                       const PortSettings& ports) {
  if (engine == kBypass) return make_bypass(ports);
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
                         known + ", " + std::string(kBypass));
  }
  return std::make_unique<socket::SocketFactory>(std::move(wanted));
}

}  // namespace backends
