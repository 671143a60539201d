#include "backends/epoll/epoll_engine.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <utility>

#include "backends/epoll/epoll_transport.h"
#include "base/fd.h"

namespace backends::epoll {
namespace {

EngineInfo probe() { return {.name = "epoll", .usable = true, .reason = {}}; }

EngineInfo explain(base::Errno error) {
  return {.name = "epoll", .reason = "epoll: " + base::errno_text(error)};
}

base::Result<std::unique_ptr<Transport>> make(const TransportOptions& options,
                                              const socket::Claims& claims) {
  base::UniqueFd epoll_fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_fd) return base::failure_of_errno();
  base::UniqueFd wake_fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_fd) return base::failure_of_errno();
  return std::make_unique<EpollTransport>(options, claims, std::move(epoll_fd), std::move(wake_fd));
}

}  // namespace

socket::Engine engine() {
  return {.name = "epoll", .probe = probe, .make = make, .explain = explain};
}

}  // namespace backends::epoll
