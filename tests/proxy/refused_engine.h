// The factory of a machine that refuses its best engine. That one is called "refused"; epoll takes
// its place. On the test's thread, and where the factory may be used.
#pragma once

#include <cerrno>
#include <memory>

#include "backends/epoll/epoll_engine.h"
#include "backends/socket/socket_factory.h"
#include "backends/transport_factory.h"

namespace proxy {

class RefusedEngine {
 public:
  backends::TransportFactory& factory() { return factory_; }

 private:
  static backends::EngineInfo probe() {
    return {.name = "refused",
            .cause = backends::RefusalCause::kDenied,
            .reason = "a filter forbids it"};
  }
  static base::Result<std::unique_ptr<backends::Transport>> make(
      const backends::TransportOptions& /*options*/, const backends::socket::Claims& /*claims*/) {
    return base::failure(base::to_errno(EPERM));
  }
  static backends::EngineInfo explain(base::Errno /*error*/) { return probe(); }

  static backends::socket::ProbedEngine probed(const backends::socket::Engine& engine) {
    return {.engine = engine, .info = engine.probe()};
  }

  backends::socket::SocketFactory factory_{
      {probed({.name = "refused", .probe = probe, .make = make, .explain = explain}),
       probed(backends::epoll::engine())}};
};

}  // namespace proxy
