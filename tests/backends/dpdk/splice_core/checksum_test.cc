#include "backends/dpdk/splice_core/checksum.h"

#include <gtest/gtest.h>

#include <string>

#include "base/prng.h"
#include "tests/backends/dpdk/splice_core/wire_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

// RFC 1071 as it is written down, 16 bits at a time and big-endian: what the fast ways are held to.
std::uint16_t plain_sum(std::span<const std::byte> bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += std::to_integer<std::uint32_t>(bytes[i]) << (i % 2 == 0 ? 8U : 0U);
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(sum);
}

// With the pseudo header of RFC 9293 or RFC 8200, laid out in full.
std::uint16_t plain_sum_of(const Bytes& packet, const Envelope& envelope, unsigned protocol) {
  const bool four = envelope.l4 == 20;
  Bytes pseudo(packet.begin() + (four ? 12 : 8), packet.begin() + (four ? 20 : 40));
  const std::uint32_t length = envelope.size - envelope.l4;
  append(pseudo, bytes_of({length >> 24U, length >> 16U & 0xffU, length >> 8U & 0xffU,
                           length & 0xffU, 0, 0, 0, protocol}));
  append(pseudo, std::span(packet).subspan(envelope.l4, length));
  return plain_sum(pseudo);
}

Bytes random_bytes(base::Prng& prng, std::size_t size) {
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.below(256));
  return bytes;
}

TEST(Checksum, SumsTheExampleOfRfc1071) {
  const Bytes bytes = bytes_of({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7});
  EXPECT_EQ(swap_bytes(raw_sum(bytes)), 0xddf2);
}

TEST(Checksum, SumsAnyLengthAtAnyAlignment) {
  base::Prng prng(1);
  const Bytes bytes = random_bytes(prng, 200);
  for (std::size_t begin = 0; begin < 8; ++begin) {
    for (std::size_t size = 0; size + begin <= bytes.size(); ++size) {
      const auto part = std::span(bytes).subspan(begin, size);
      ASSERT_EQ(swap_bytes(raw_sum(part)), plain_sum(part)) << begin << ", " << size;
    }
  }
}

TEST(Checksum, CarriesNothingAway) {
  for (const unsigned value : {0xffU, 0x00U, 0x80U, 0x01U}) {
    for (const std::size_t size : {std::size_t{65535}, std::size_t{65532}, std::size_t{38}}) {
      const Bytes bytes(size, static_cast<std::byte>(value));
      EXPECT_EQ(swap_bytes(raw_sum(bytes)), plain_sum(bytes)) << value << ", " << size;
    }
  }
}

TEST(Checksum, KnowsAnIpv4HeaderOfOldRepute) {
  Bytes header = bytes_of({0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                           0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7});
  EXPECT_TRUE(ip4_checksum_good(header.data()));
  store16(header.data() + 10, 0xffff);  // What stood there does not matter.
  EXPECT_FALSE(ip4_checksum_good(header.data()));
  write_ip4_checksum(header.data());
  EXPECT_EQ(load16(header.data() + 10), 0xb861);
  header[19] ^= std::byte{1};
  EXPECT_FALSE(ip4_checksum_good(header.data()));
}

TEST(Checksum, OfTcpCoversThePseudoHeaderAndThePayload) {
  for (Bytes packet :
       {tcp4({}, "odd"), tcp4({}, "even"), tcp4(), tcp6({}, "odd"), tcp6({}, "even"), tcp6()}) {
    const Envelope envelope = parse_envelope(packet).value();
    store16(packet.data() + envelope.l4 + 16, 0x4711);
    EXPECT_FALSE(tcp_checksum_good(packet.data(), envelope));
    write_tcp_checksum(packet.data(), envelope);
    EXPECT_TRUE(tcp_checksum_good(packet.data(), envelope));
    EXPECT_EQ(plain_sum_of(packet, envelope, 6), 0xffff);
    // One bit of an address, of a port, of the last byte.
    for (const std::size_t at : {std::size_t{15}, std::size_t{envelope.l4}, packet.size() - 1}) {
      packet[at] ^= std::byte{4};
      EXPECT_FALSE(tcp_checksum_good(packet.data(), envelope)) << at;
      packet[at] ^= std::byte{4};
    }
  }
}

TEST(Checksum, OfTcpLeavesOutPadding) {
  Bytes packet = tcp4({}, "odd");
  const Envelope envelope = parse_envelope(packet).value();
  write_tcp_checksum(packet.data(), envelope);
  packet.resize(packet.size() + 6, std::byte{0xee});
  EXPECT_TRUE(tcp_checksum_good(packet.data(), parse_envelope(packet).value()));
}

TEST(Checksum, OfIcmpHasNoPseudoHeaderAndOfIcmpv6OneHas) {
  Bytes four = icmp4(3, 29);
  const Envelope envelope4 = parse_envelope(four).value();
  write_icmp_checksum(four.data(), envelope4);
  EXPECT_EQ(plain_sum(std::span(four).subspan(20)), 0xffff);
  EXPECT_TRUE(icmp_checksum_good(four.data(), envelope4));
  four[12] ^= std::byte{1};  // An address.
  EXPECT_TRUE(icmp_checksum_good(four.data(), envelope4));
  four[21] ^= std::byte{1};  // The code.
  EXPECT_FALSE(icmp_checksum_good(four.data(), envelope4));

  Bytes six = icmp6(2, 49);
  const Envelope envelope6 = parse_envelope(six).value();
  write_icmp_checksum(six.data(), envelope6);
  EXPECT_EQ(plain_sum_of(six, envelope6, 58), 0xffff);
  EXPECT_TRUE(icmp_checksum_good(six.data(), envelope6));
  six[8] ^= std::byte{1};
  EXPECT_FALSE(icmp_checksum_good(six.data(), envelope6));
}

TEST(ChecksumDelta, MatchesTheExampleOfRfc1624) {
  ChecksumDelta delta;
  delta.replace16(swap_bytes(std::uint16_t{0x5555}), swap_bytes(std::uint16_t{0x3285}));
  EXPECT_EQ(delta.apply(swap_bytes(std::uint16_t{0xdd2f})), 0x0000);
}

TEST(ChecksumDelta, OfNothingChangesNothing) {
  for (std::uint32_t checksum = 0; checksum <= 0xffff; ++checksum) {
    ASSERT_EQ(ChecksumDelta{}.apply(static_cast<std::uint16_t>(checksum)), checksum);
  }
}

// Replaces fields at random places of a packet, three to a time, and says how far the checksum by
// difference is from the whole one.
TEST(ChecksumDelta, IsTheWholeChecksumWhereverTheFieldsStand) {
  base::Prng prng(2);
  for (int round = 0; round < 2000; ++round) {
    Bytes packet = tcp4({}, std::string(prng.between(60, 63), 'x'));
    const Envelope envelope = parse_envelope(packet).value();
    std::byte* payload = packet.data() + 40;
    write_tcp_checksum(packet.data(), envelope);
    const auto before = load_raw<std::uint16_t>(packet.data() + 36);
    ChecksumDelta delta;
    for (std::size_t field = 0; field < 3; ++field) {
      std::byte* at = payload + field * 20 + prng.below(16);
      const auto old_raw = load_raw<std::uint32_t>(at);
      // Ones and zeros are where one's complement has its two names for nothing.
      const auto new_raw = static_cast<std::uint32_t>(
          prng.chance(200) ? (prng.chance(500) ? 0xffffffffU : 0U) : prng.next());
      store_raw(at, new_raw);
      if ((at - payload) % 2 != 0) {
        delta.replace_odd32(old_raw, new_raw);
      } else {
        delta.replace32(old_raw, new_raw);
      }
    }
    const auto old_port = load_raw<std::uint16_t>(packet.data() + 20);
    const auto new_port = static_cast<std::uint16_t>(prng.next());
    store_raw(packet.data() + 20, new_port);
    delta.replace16(old_port, new_port);
    write_tcp_checksum(packet.data(), envelope);
    ASSERT_EQ(delta.apply(before), load_raw<std::uint16_t>(packet.data() + 36)) << round;
  }
}

TEST(ChecksumDelta, KeepsAnErrorAnError) {
  Bytes packet = tcp4({}, "payload");
  const Envelope envelope = parse_envelope(packet).value();
  write_tcp_checksum(packet.data(), envelope);
  packet.back() ^= std::byte{8};  // Broken on its way to us.
  ChecksumDelta delta;
  const auto old_seq = load_raw<std::uint32_t>(packet.data() + 24);
  store32(packet.data() + 24, 0xdeadbeef);
  delta.replace32(old_seq, load_raw<std::uint32_t>(packet.data() + 24));
  std::byte* field = packet.data() + 36;
  store_raw(field, delta.apply(load_raw<std::uint16_t>(field)));
  EXPECT_FALSE(tcp_checksum_good(packet.data(), envelope));
  packet.back() ^= std::byte{8};
  EXPECT_TRUE(tcp_checksum_good(packet.data(), envelope));
}

}  // namespace
}  // namespace backends::dpdk::splice_core
