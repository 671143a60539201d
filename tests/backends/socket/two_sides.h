// A relay of a kernel engine with the test's own far ends, for what the contract cannot see: which
// method moved the bytes, how many calls it took.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/transport.h"
#include "backends/transport_factory.h"
#include "base/fd.h"

namespace backends::socket {

// Both kernel engines where this machine has both: the parameters of the tests that hold for each.
std::vector<std::string> usable_engines();

struct TwoSides {
  std::unique_ptr<TransportFactory> factory;
  std::unique_ptr<Transport> transport;
  base::UniqueFd service;  // Stays open: later descriptors get higher numbers.
  base::UniqueFd client;
  base::UniqueFd upstream;
  RelayProgress progress;
  RelayId relay = RelayId::kNone;
  std::vector<Event> events;

  // Connected over 127.0.0.1 by an engine that is usable here; buffer_bytes of the far ends, 0 for
  // the default.
  explicit TwoSides(std::string_view engine = "epoll", const TransportOptions& options = {},
                    int buffer_bytes = 0);

  void poll(base::Nanos wait);
  // Sends all bytes from the client and reads them at the upstream. The chunk is what the client
  // writes before the transport looks. True: arrived unchanged.
  bool pass(std::size_t bytes, std::size_t chunk);
  std::uint64_t calls(Syscall call) const {
    return transport->stats().syscalls[static_cast<std::size_t>(call)];
  }
  std::uint64_t moved_by(Method method) const {
    return transport->stats().method_bytes[static_cast<std::size_t>(method)];
  }
};

}  // namespace backends::socket
