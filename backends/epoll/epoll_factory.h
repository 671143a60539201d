// The process-wide side of the epoll engine: its claims, and the transports of its workers.
// Owned by main; see transport_factory.h for the threads.
#pragma once

#include <memory>
#include <string_view>

#include "backends/socket/claims.h"
#include "backends/transport_factory.h"

namespace backends::epoll {

// epoll is in every Linux that can run this binary.
EngineInfo probe();

// The transports it makes refer to its claims, so it outlives them.
class EpollFactory final : public TransportFactory {
 public:
  EpollFactory();

  std::string_view engine() const override { return "epoll"; }
  base::Result<base::Address> claim(const ListenSpec& spec) override;
  void disclaim(const base::Address& address) override;
  base::Result<std::unique_ptr<Transport>> make(const TransportOptions& options) override;

 private:
  socket::Claims claims_;
};

}  // namespace backends::epoll
