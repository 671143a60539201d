// The world at the other end of wires in memory: one Ethernet segment on which every address but
// the transports' is the tests' own TCP. Answers ARP and neighbour discovery for all of them, and
// spreads what it sends over the wires as a network card does over its queues (RSS). Nothing is
// lost as long as the rings have room. One thread; moves in step() only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "backends/dpdk/device.h"
#include "backends/dpdk/memory_device.h"
#include "backends/dpdk/neighbour_message.h"
#include "backends/dpdk/splice_core/splice_core.h"
#include "backends/dpdk/toeplitz.h"
#include "base/address.h"
#include "base/time.h"
#include "tests/backends/dpdk/mini_tcp.h"

namespace dpdk_test {

class WireWorld {
 public:
  // Queues that the spread knows. Until there are as many wires, the first has the others' part.
  static constexpr std::size_t kWiresMax = 2;

  // ours: the transports' addresses, which the world does not answer for.
  WireWorld(const MiniTcpOptions& options, std::vector<base::IpPort> ours);

  // One more wire: the transport's end of it, as long as the world lives.
  backends::dpdk::Device& add_wire();
  std::size_t wires() const { return wires_.size(); }
  void set_link(bool up);
  // The local ports whose replies come by this wire.
  backends::dpdk::splice_core::PortChoice choice_of(std::size_t wire) const;

  // From now on nobody has this address.
  void remove_station(const base::IpPort& address) { nobody_.push_back(address); }
  void return_station(const base::IpPort& address) { std::erase(nobody_, address); }

  // Sees every IP packet that a transport sends.
  std::function<void(std::span<const std::byte>)> on_packet;

  MiniTcp& tcp() { return tcp_; }
  // Everything that has arrived, time, and everything that is to be sent. True when anything moved.
  bool step(base::Nanos now);
  // A packet of nobody's: onto the wire at once.
  void send(std::span<const std::byte> packet);

 private:
  bool receive_from(std::size_t wire, base::Nanos now);
  void take(backends::dpdk::Device& device, std::span<const std::byte> frame, base::Nanos now);
  template <typename Ip>
  void answer(backends::dpdk::Device& device, const backends::dpdk::NeighbourMessage<Ip>& message);
  bool is_station(const base::IpPort& address) const;
  std::size_t wire_to(std::span<const std::byte> packet) const;

  MiniTcp tcp_;
  std::vector<base::IpPort> ours_;
  std::vector<base::IpPort> nobody_;
  backends::dpdk::QueueChoice queues_;
  std::vector<std::unique_ptr<backends::dpdk::MemoryWire>> wires_;
  // Where the transports are: the wires of one network port have one Ethernet address.
  backends::dpdk::MacAddress mac_{2, 0, 0, 0, 0, 2};
  backends::dpdk::MacAddress their_mac_{2, 0, 0, 0, 0, 1};
};

}  // namespace dpdk_test
