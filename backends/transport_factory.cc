#include "backends/transport_factory.h"

#include "backends/epoll/epoll_factory.h"

namespace backends {
namespace {

std::unique_ptr<TransportFactory> make(std::string_view engine) {
  if (engine == "epoll") return std::make_unique<epoll::EpollFactory>();
  return nullptr;
}

}  // namespace

std::vector<EngineInfo> engines() { return {epoll::probe()}; }

base::Parsed<std::unique_ptr<TransportFactory>> make_transport_factory(std::string_view engine) {
  std::string known;
  for (const EngineInfo& info : engines()) {
    known += (known.empty() ? "" : ", ") + std::string(info.name);
    if (engine != info.name && (engine != "auto" || !info.usable)) continue;
    if (!info.usable) {
      return base::failure("the engine '" + std::string(info.name) +
                           "' cannot be used here: " + info.reason);
    }
    return make(info.name);
  }
  return base::failure("there is no engine '" + std::string(engine) + "'; this binary has " +
                       known);
}

}  // namespace backends
