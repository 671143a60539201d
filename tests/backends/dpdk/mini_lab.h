// Two endpoints of the tests' own TCP, a wire with faults between them, and virtual time.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "tests/backends/dpdk/fault_wire.h"
#include "tests/backends/dpdk/mini_tcp.h"

namespace dpdk_test {

inline base::IpPort ip(const char* text) { return base::parse_address(text).value().ip; }

// Bytes that say where they are, so that a lost, repeated or moved one is seen.
inline std::vector<std::byte> pattern(std::size_t size, std::uint64_t seed = 1) {
  base::Prng prng(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.next());
  return bytes;
}

struct Lab {
  static constexpr base::Nanos kStep = std::chrono::milliseconds(1);
  static constexpr base::Nanos kPatience = std::chrono::minutes(10);

  explicit Lab(const MiniTcpOptions& options = {}, const Faults& faults = {},
               std::uint64_t seed = 1)
      : Lab(options, options, faults, seed) {}
  Lab(MiniTcpOptions client_options, MiniTcpOptions server_options, const Faults& faults,
      std::uint64_t seed)
      : client(with_seed(client_options, seed)),
        server(with_seed(server_options, seed + 1)),
        wire(faults, seed + 2) {}

  static MiniTcpOptions& with_seed(MiniTcpOptions& options, std::uint64_t seed) {
    options.seed = seed;
    return options;
  }

  void step() {
    now += kStep;
    const std::array<MiniTcp*, 2> ends = {&client, &server};
    std::vector<std::byte> packet;
    for (std::size_t side = 0; side < 2; ++side) {
      while (wire.receive(side, packet, now)) ends.at(side)->receive(packet, now);
      ends.at(side)->tick(now);
      while (ends.at(side)->next_packet(packet)) {
        if (on_packet) on_packet(side, packet);
        wire.send(side, packet, now);
      }
    }
  }
  void run(base::Nanos time) {
    for (const base::Nanos end = now + time; now < end;) step();
  }
  // False when it did not come true in kPatience.
  bool until(const std::function<bool()>& done) {
    for (const base::Nanos end = now + kPatience; now < end; step()) {
      if (done()) return true;
    }
    return false;
  }

  // A connection that both ends have: into `near` and `far`.
  void connect(const SocketOptions& near_options = {}, const SocketOptions& far_options = {}) {
    server.listen(remote, far_options);
    const auto id = client.connect(local, remote, near_options);
    ASSERT_TRUE(id.has_value());
    near = *id;
    ASSERT_TRUE(until([this] {
      if (far.generation == 0) far = server.accept(remote).value_or(base::SlotId{});
      return far.generation != 0 && client.connected(near);
    }));
  }
  // A forged segment from the client's address with the server's next numbers, for a test to
  // change.
  TcpSegment forged(std::uint8_t flags) const {
    TcpSegment segment;
    segment.source = local;
    segment.destination = remote;
    segment.seq = server.view(far).rcv_nxt;
    segment.ack = server.view(far).snd_max;
    segment.window = 1000;
    segment.flags = flags;
    return segment;
  }
  void give_server(const TcpSegment& segment) { server.receive(build_packet(segment, 0), now); }

  base::IpPort local = ip("192.0.2.1:40000");
  base::IpPort remote = ip("198.51.100.1:80");
  base::Nanos now{};
  MiniTcp client;
  MiniTcp server;
  FaultWire wire;
  std::function<void(std::size_t side, std::vector<std::byte>& packet)> on_packet;
  base::SlotId near;  // The client's name of the connection.
  base::SlotId far;   // The server's.
};

}  // namespace dpdk_test
