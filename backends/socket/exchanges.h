// The small questions and answers of one kernel transport (health checks): which connections have
// one, and the bytes of both ways. Owned by SocketTransport; its worker's thread only.
//
// A table of its own, because a monitor exchanges on a few connections and a worker on none: a
// connection pays one flag for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "backends/exchange.h"
#include "backends/socket/socket_connection.h"
#include "backends/transport.h"
#include "base/slab.h"

namespace backends::socket {

class Exchanges {
 public:
  // stats outlives this.
  explicit Exchanges(TransportStats& stats) : stats_(stats) {}

  // Nothing is sent before the next poll: it takes take_started() and runs each.
  void begin(base::SlotId id, std::span<const std::byte> request, std::size_t reply_bytes_max,
             Tag tag);
  std::vector<base::SlotId> take_started();

  // Sends and receives what can be. An exchange that is over adds its kExchanged to events; without
  // one under way nothing happens. A loss that is found is noted in the connection, because the
  // kernel tells it once.
  void run(base::SlotId id, SocketConnection& connection, std::vector<Event>& events);

  // Empty where nothing was ever exchanged.
  std::span<const std::byte> reply(base::SlotId id) const;

  // The connection is closed.
  void forget(base::SlotId id) { exchanges_.erase(key(id)); }

 private:
  // False: to be tried again after an event of the kernel.
  bool send_some(SocketConnection& connection, Exchange& exchange);
  bool receive_some(SocketConnection& connection, Exchange& exchange);

  static std::uint64_t key(base::SlotId id) {
    return static_cast<std::uint64_t>(to_id<ConnId>(id));
  }

  TransportStats& stats_;
  std::unordered_map<std::uint64_t, Exchange> exchanges_;
  std::vector<base::SlotId> started_;
};

}  // namespace backends::socket
