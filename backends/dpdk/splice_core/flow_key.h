// The four numbers that name a connection, as an arriving segment shows them: remote is who sent
// it, local is the address of ours that it was sent to. Addresses and ports stay in wire order; no
// part of the core computes with them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

namespace backends::dpdk::splice_core {

struct Ip4 {
  std::uint32_t word = 0;
  friend bool operator==(const Ip4&, const Ip4&) = default;
};

struct Ip6 {
  std::array<std::uint64_t, 2> words{};
  friend bool operator==(const Ip6&, const Ip6&) = default;
};

template <typename Ip>
struct FlowKey {
  Ip remote;
  Ip local;
  std::uint16_t remote_port = 0;  // Wire order, as the addresses.
  std::uint16_t local_port = 0;
  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};

// The secret of one table, so that no client can choose ports that fall onto one place of it.
struct HashSecret {
  std::array<std::uint64_t, 3> words{};
};

namespace detail {
inline std::uint64_t fold(std::uint64_t left, std::uint64_t right) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(left) * right;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}
}  // namespace detail

// 32 bits, spread over all of them (multiply and fold, as wyhash does).
inline std::uint32_t hash_of(const FlowKey<Ip4>& key, const HashSecret& secret) {
  const std::uint64_t addresses = (std::uint64_t{key.remote.word} << 32U) | key.local.word;
  const std::uint64_t ports = (std::uint64_t{key.remote_port} << 16U) | key.local_port;
  const std::uint64_t mixed = detail::fold(addresses ^ secret.words[0], ports ^ secret.words[1]);
  return static_cast<std::uint32_t>(detail::fold(mixed ^ secret.words[2], secret.words[0] | 1U));
}

inline std::uint32_t hash_of(const FlowKey<Ip6>& key, const HashSecret& secret) {
  const std::uint64_t ports = (std::uint64_t{key.remote_port} << 16U) | key.local_port;
  const std::uint64_t remote =
      detail::fold(key.remote.words[0] ^ secret.words[0], key.remote.words[1] ^ secret.words[1]);
  const std::uint64_t local =
      detail::fold(key.local.words[0] ^ secret.words[2], key.local.words[1] ^ secret.words[0]);
  const std::uint64_t mixed = detail::fold(remote ^ ports, local ^ secret.words[1]);
  return static_cast<std::uint32_t>(detail::fold(mixed ^ secret.words[2], secret.words[0] | 1U));
}

}  // namespace backends::dpdk::splice_core
