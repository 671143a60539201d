#include "backends/epoll/epoll_factory.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <csignal>
#include <utility>

#include "backends/epoll/epoll_transport.h"
#include "base/assert.h"
#include "base/fd.h"

namespace backends::epoll {

EngineInfo probe() { return {.name = "epoll", .usable = true, .reason = {}}; }

EpollFactory::EpollFactory() {
  // splice(2) has no MSG_NOSIGNAL: without this the first reset receiver would end the process.
  CHECK(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

base::Result<base::Address> EpollFactory::claim(const ListenSpec& spec) {
  return claims_.claim(spec);
}

void EpollFactory::disclaim(const base::Address& address) { claims_.disclaim(address); }

base::Result<std::unique_ptr<Transport>> EpollFactory::make(const TransportOptions& options) {
  base::UniqueFd epoll_fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_fd) return base::failure_of_errno();
  base::UniqueFd wake_fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_fd) return base::failure_of_errno();
  return std::make_unique<EpollTransport>(options, claims_, std::move(epoll_fd),
                                          std::move(wake_fd));
}

}  // namespace backends::epoll
