#include "backends/dpdk/toeplitz.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>

namespace backends::dpdk {
namespace {

using splice_core::FlowKey;
using splice_core::Ip4;
using splice_core::Ip6;

// The key and the vectors of "Verifying the RSS Hash Calculation" (Microsoft, NDIS).
constexpr std::array<std::uint8_t, 40> kKey = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

template <typename Ip>
Ip address(const char* text) {
  Ip ip;
  EXPECT_EQ(::inet_pton(sizeof(Ip) == 4 ? AF_INET : AF_INET6, text, &ip), 1) << text;
  return ip;
}

template <typename Ip>
struct Vector {
  const char* source;
  std::uint16_t source_port;
  const char* destination;
  std::uint16_t destination_port;
  std::uint32_t with_ports;
  std::uint32_t addresses_only;

  FlowKey<Ip> flow() const {
    return {address<Ip>(source), address<Ip>(destination), htons(source_port),
            htons(destination_port)};
  }
};

template <typename Ip>
void expect_vector(const Vector<Ip>& vector) {
  const Toeplitz toeplitz(kKey);
  const FlowKey<Ip> flow = vector.flow();
  EXPECT_EQ(toeplitz.hash(flow), vector.with_ports) << vector.source;
  const std::array<Ip, 2> addresses = {flow.remote, flow.local};
  EXPECT_EQ(toeplitz.hash(std::as_bytes(std::span(addresses))), vector.addresses_only);
}

TEST(Toeplitz, TheSpecificationsVectorsOfIp4) {
  constexpr std::array<Vector<Ip4>, 5> kVectors = {{
      {"66.9.149.187", 2794, "161.142.100.80", 1766, 0x51ccc178, 0x323e8fc2},
      {"199.92.111.2", 14230, "65.69.140.83", 4739, 0xc626b0ea, 0xd718262a},
      {"24.19.198.95", 12898, "12.22.207.184", 38024, 0x5c2b394a, 0xd2d0a5de},
      {"38.27.205.30", 48228, "209.142.163.6", 2217, 0xafc7327f, 0x82989176},
      {"153.39.163.191", 44251, "202.188.127.2", 1303, 0x10e828a2, 0x5d1809c5},
  }};
  for (const Vector<Ip4>& vector : kVectors) {
    expect_vector(vector);
  }
}

TEST(Toeplitz, TheSpecificationsVectorsOfIp6) {
  constexpr std::array<Vector<Ip6>, 3> kVectors = {{
      {"3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x40207d3d, 0x2cc18cd5},
      {"3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0xdde51bbf, 0x0f0c461c},
      {"3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, "fe80::200:f8ff:fe21:67cf", 38024, 0x02d1feef,
       0x4b61e985},
  }};
  for (const Vector<Ip6>& vector : kVectors) {
    expect_vector(vector);
  }
}

TEST(Toeplitz, NoInputHashesToZero) {
  EXPECT_EQ(Toeplitz(kKey).hash(std::span<const std::byte>()), 0U);
}

TEST(Toeplitz, WhatIsBehindTheFortiethByteOfTheKeyDoesNotMatter) {
  std::vector<std::uint8_t> longer(kKey.begin(), kKey.end());
  longer.resize(52, 0xff);
  const FlowKey<Ip6> flow = {address<Ip6>("2001:db8::1"), address<Ip6>("2001:db8::ffff"), 7, 65535};
  EXPECT_EQ(Toeplitz(longer).hash(flow), Toeplitz(kKey).hash(flow));
}

TEST(ToeplitzDeathTest, AShortKeyIsAnErrorOfTheProgrammer) {
  const std::array<std::uint8_t, 39> key{};
  EXPECT_DEATH(Toeplitz{key}, "CHECK failed");
}

RssSpread spread_over(std::uint16_t queues, std::size_t entries) {
  RssSpread spread;
  spread.key.assign(kKey.begin(), kKey.end());
  for (std::size_t i = 0; i < entries; ++i) {
    spread.queues.push_back(static_cast<std::uint16_t>(i % queues));
  }
  return spread;
}

TEST(QueueChoice, TheLowestBitsOfTheHashSayWhere) {
  RssSpread spread = spread_over(1, 128);
  spread.queues[0x51ccc178 & 127U] = 9;
  const QueueChoice choice(spread);
  const Vector<Ip4> vector = {"66.9.149.187", 2794, "161.142.100.80", 1766, 0, 0};
  EXPECT_EQ(choice.queue_of(vector.flow()), 9);
  Vector<Ip4> other = vector;
  other.destination_port = 1767;
  EXPECT_EQ(choice.queue_of(other.flow()), 0);
}

// 504 of 64,512 ports fall onto each of 128 entries (facts/dpdk.md, 2.8): a worker always finds
// one.
TEST(QueueChoice, PortsAreSharedOutEvenly) {
  const QueueChoice choice(spread_over(4, 128));
  std::array<int, 4> counts{};
  FlowKey<Ip6> reply = {address<Ip6>("2001:db8::80"), address<Ip6>("2001:db8::1"), htons(443), 0};
  for (std::uint32_t port = 1024; port <= 65535; ++port) {
    reply.local_port = htons(static_cast<std::uint16_t>(port));
    ++counts.at(choice.queue_of(reply));
  }
  for (const int count : counts) {
    EXPECT_EQ(count, 64512 / 4);
  }
}

TEST(QueueChoiceDeathTest, ATableThatIsNoPowerOfTwoIsAnErrorOfTheProgrammer) {
  EXPECT_DEATH(QueueChoice{spread_over(3, 96)}, "CHECK failed");
}

}  // namespace
}  // namespace backends::dpdk
