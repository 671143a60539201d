// Who has which address in the laboratory, as arithmetic: the number of a client or of a server's
// connection follows from the addresses and ports of a packet, so the generator needs no table to
// find what a packet belongs to, and cannot be wrong in the way the engine could be. Pure
// functions.
#pragma once

#include <cstdint>
#include <cstring>

#include "backends/dpdk/own_address.h"
#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/wire.h"
#include "base/address.h"

namespace bench::c10m {

using backends::dpdk::kIsIp4;
using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;

// The groups of addresses. The first two are the engine's own.
enum class Net : std::uint8_t { kService, kLocal, kServer, kClients, kFlood, kNone };

// An address is the group's and a number: 10.1.0.0 + index, or fd00:<group>::<index>. The service
// and the server are number 1 of their groups.
struct Place {
  Net net = Net::kNone;
  std::uint32_t index = 0;
};

inline constexpr std::uint16_t kServicePort = 80;
inline constexpr std::uint16_t kServerPort = 9000;
inline constexpr std::uint16_t kFirstPort = 1024;
inline constexpr std::uint32_t kPortsOfLocal = 65536 - kFirstPort;  // All that LocalPorts gives.
inline constexpr std::uint32_t kPortsOfClient = 32768;              // Of one client's address.
inline constexpr std::uint32_t kLocalsMax = 256;                    // As many as connect() takes.
inline constexpr std::uint32_t kFloodAddresses = 1U << 24U;

namespace detail {
// The first address of each group, as a number, in the order of Net.
inline constexpr std::uint32_t kBases4[] = {0x0a000000, 0x0a010000, 0x0a020000, 0x14000000,
                                            0x1e000000};
inline constexpr std::uint32_t kPrefix6 = 0xfd000000;  // Behind it 16 bits: the group.
}  // namespace detail

template <typename Ip>
Ip make_ip(Place place) {
  using backends::dpdk::splice_core::swap_bytes;
  if constexpr (kIsIp4<Ip>) {
    return {swap_bytes(detail::kBases4[static_cast<std::size_t>(place.net)] + place.index)};
  } else {
    const auto group = detail::kPrefix6 | static_cast<std::uint32_t>(place.net);
    return {{swap_bytes(group), std::uint64_t{swap_bytes(place.index)} << 32U}};
  }
}

// Net::kNone: none of ours.
template <typename Ip>
Place place_of(const Ip& ip) {
  using backends::dpdk::splice_core::swap_bytes;
  if constexpr (kIsIp4<Ip>) {
    const std::uint32_t number = swap_bytes(ip.word);
    for (std::uint8_t net = 5; net > 0; --net) {
      const std::uint32_t base = detail::kBases4[net - 1];
      if (number >= base) return {static_cast<Net>(net - 1), number - base};
    }
    return {};
  } else {
    const auto group = swap_bytes(static_cast<std::uint32_t>(ip.words[0])) ^ detail::kPrefix6;
    if (group >= static_cast<std::uint32_t>(Net::kNone)) return {};
    return {static_cast<Net>(group), swap_bytes(static_cast<std::uint32_t>(ip.words[1] >> 32U))};
  }
}

// Ports in host order.
template <typename Ip>
struct Endpoint {
  Ip ip;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

template <typename Ip>
Endpoint<Ip> client_endpoint(std::uint32_t client) {
  return {make_ip<Ip>({Net::kClients, client / kPortsOfClient}),
          static_cast<std::uint16_t>(kFirstPort + client % kPortsOfClient)};
}
inline std::uint32_t client_number(Place place, std::uint16_t port) {
  return place.index * kPortsOfClient + port - kFirstPort;
}

// A server's connection is named by the engine's end of it.
template <typename Ip>
Endpoint<Ip> local_endpoint(std::uint32_t server) {
  return {make_ip<Ip>({Net::kLocal, server / kPortsOfLocal}),
          static_cast<std::uint16_t>(kFirstPort + server % kPortsOfLocal)};
}
inline std::uint32_t server_number(Place place, std::uint16_t port) {
  return place.index * kPortsOfLocal + port - kFirstPort;
}

template <typename Ip>
Endpoint<Ip> service_endpoint() {
  return {make_ip<Ip>({Net::kService, 1}), kServicePort};
}
template <typename Ip>
Endpoint<Ip> server_endpoint() {
  return {make_ip<Ip>({Net::kServer, 1}), kServerPort};
}

template <typename Ip>
base::IpPort to_ip_port(const Endpoint<Ip>& endpoint) {
  base::IpPort made;
  made.family = kIsIp4<Ip> ? base::Family::kV4 : base::Family::kV6;
  std::memcpy(made.bytes.data(), &endpoint.ip, sizeof(Ip));
  made.port = endpoint.port;
  return made;
}

}  // namespace bench::c10m
