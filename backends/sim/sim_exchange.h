// The small questions and answers of one simulated transport (health checks). Owned by
// SimTransport; its worker's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "backends/exchange.h"
#include "backends/sim/sim_faults.h"
#include "backends/sim/sim_network.h"
#include "backends/transport.h"

namespace backends {

class SimExchanges {
 public:
  // Both outlive this.
  SimExchanges(SimNetwork& network, TransportStats& stats) : network_(network), stats_(stats) {}

  // conn: the caller's number of the connection. Nothing is sent before run().
  void begin(std::uint64_t conn, std::span<const std::byte> request, std::size_t reply_bytes_max,
             Tag tag);
  // Sends and receives what can be on the connection's socket; the kExchanged of an exchange that
  // is over.
  std::optional<Event> run(std::uint64_t conn, SimSocketId socket, const SimFaults& faults);
  // Empty where nothing was ever exchanged.
  std::span<const std::byte> reply(std::uint64_t conn) const;
  bool knows(std::uint64_t conn) const { return exchanges_.contains(conn); }
  // The connection is closed.
  void forget(std::uint64_t conn) { exchanges_.erase(conn); }

 private:
  // False: to be tried again when the socket is ready.
  bool send_some(Exchange& exchange, SimSocketId id, const SimFaults& faults);
  bool receive_some(Exchange& exchange, SimSocketId id, const SimFaults& faults);

  SimNetwork& network_;
  TransportStats& stats_;
  std::map<std::uint64_t, Exchange> exchanges_;
};

}  // namespace backends
