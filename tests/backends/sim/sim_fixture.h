// What the simulator's own tests share: a network, addresses, and bytes that can be told apart.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "backends/sim/sim_network.h"
#include "backends/sim/sim_peer.h"
#include "backends/sim/sim_transport.h"
#include "base/address.h"
#include "base/prng.h"

namespace backends {

inline base::Address address(const std::string& text) { return base::parse_address(text).value(); }

// A stream of its own for each key.
inline std::vector<std::byte> stream(std::uint64_t key, std::size_t size) {
  base::Prng prng(key);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.next());
  return bytes;
}

inline std::unique_ptr<SimService> make_service(SimNetwork& network, const std::string& where,
                                                SimService::Greet greet,
                                                std::size_t buffer_bytes = 0) {
  SimListen listen;
  listen.address = address(where);
  listen.buffer_bytes = buffer_bytes;
  return SimService::make(network, listen, std::move(greet)).value();
}

inline std::unique_ptr<SimPeer> make_client(SimNetwork& network, const base::Address& remote,
                                            std::size_t buffer_bytes = 0) {
  SimConnect connect;
  connect.remote = remote;
  connect.buffer_bytes = buffer_bytes;
  return std::make_unique<SimPeer>(network, connect, SimPeer::Mode::kAuto);
}

}  // namespace backends
