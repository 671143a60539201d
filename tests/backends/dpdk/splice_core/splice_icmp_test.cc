// Errors from the way, across a pair.
#include "backends/dpdk/splice_core/checksum.h"
#include "backends/dpdk/splice_core/segment_writer.h"
#include "tests/backends/dpdk/splice_core/core_fixture.h"

namespace backends::dpdk::splice_core {
namespace {

class SpliceIcmp : public CoreTest {
 protected:
  std::size_t ip_bytes() const { return v4() ? 20 : 40; }

  // An error of a router about the packet that it met.
  std::vector<std::byte> error(std::uint8_t type, std::uint8_t code, std::span<const std::byte> met,
                               std::size_t embedded = 40) const {
    const std::size_t inner = std::min(met.size(), ip_bytes() + embedded);
    std::vector<std::byte> packet(met.begin(),
                                  met.begin() + static_cast<std::ptrdiff_t>(ip_bytes()));
    packet.resize(ip_bytes() + 8 + inner);
    std::byte* const icmp = packet.data() + ip_bytes();
    if (v4()) {
      store16(packet.data() + 2, static_cast<std::uint16_t>(packet.size()));
      packet[9] = std::byte{1};
      std::copy_n(met.begin() + 12, 4, packet.begin() + 16);  // To its source,
      packet[15] ^= std::byte{0x55};                          // from somebody on the way.
    } else {
      store16(packet.data() + 4, static_cast<std::uint16_t>(packet.size() - 40));
      packet[6] = std::byte{58};
      std::copy_n(met.begin() + 8, 16, packet.begin() + 24);
      packet[23] ^= std::byte{0x55};
    }
    icmp[0] = std::byte{type};
    icmp[1] = std::byte{code};
    store32(icmp + 4, 1300);  // The size that fits, in either family.
    std::copy_n(met.begin(), inner, icmp + 8);
    mend(packet);
    return packet;
  }
  void mend(std::vector<std::byte>& packet) const {
    if (v4()) write_ip4_checksum(packet.data());
    write_icmp_checksum(packet.data(), envelope_of(packet));
  }
  Envelope envelope_of(const std::vector<std::byte>& packet) const {
    return {.kind = v4() ? PacketKind::kIcmp4 : PacketKind::kIcmp6,
            .l4 = static_cast<std::uint32_t>(ip_bytes()),
            .size = static_cast<std::uint32_t>(packet.size())};
  }
  std::uint8_t unreachable() const { return v4() ? 3 : 1; }
  std::uint8_t refused_code() const { return v4() ? 3 : 4; }
  std::vector<std::byte> too_big(std::span<const std::byte> met) const {
    return v4() ? error(3, 4, met) : error(2, 0, met);
  }

  struct Passed {
    std::vector<std::byte> bytes;
    Hop hop = kNoHop;
    bool sent = false;
  };
  Passed pass_on(std::vector<std::byte> bytes) {
    Packet packet{.data = bytes.data(),
                  .size = static_cast<std::uint32_t>(bytes.size()),
                  .room = static_cast<std::uint32_t>(bytes.size()),
                  .hop = 9};
    core->receive({&packet, 1});
    EXPECT_TRUE(outbox.items.empty());
    return {std::move(bytes), packet.hop, packet.verdict == Verdict::kSend};
  }
  // The error names what the sender had sent, and is right in itself.
  void expect_about(const Passed& passed, std::span<const std::byte> original, Hop hop) {
    ASSERT_TRUE(passed.sent);
    EXPECT_EQ(passed.hop, hop);
    const std::size_t inner = ip_bytes() + 8;
    const std::size_t addresses = v4() ? 12 : 8;
    const std::size_t both = v4() ? 8 : 32;
    EXPECT_TRUE(
        std::equal(passed.bytes.begin() + static_cast<std::ptrdiff_t>(inner + addresses),
                   passed.bytes.begin() + static_cast<std::ptrdiff_t>(inner + addresses + both),
                   original.begin() + static_cast<std::ptrdiff_t>(addresses)));
    // Ports and the sequence number.
    EXPECT_TRUE(
        std::equal(passed.bytes.begin() + static_cast<std::ptrdiff_t>(inner + ip_bytes()),
                   passed.bytes.begin() + static_cast<std::ptrdiff_t>(inner + ip_bytes() + 8),
                   original.begin() + static_cast<std::ptrdiff_t>(ip_bytes())));
    EXPECT_EQ(load32(passed.bytes.data() + ip_bytes() + 4), 1300U);
    EXPECT_TRUE(icmp_checksum_good(passed.bytes.data(), envelope_of(passed.bytes)));
    if (v4()) {
      EXPECT_TRUE(ip4_checksum_good(passed.bytes.data()));
      EXPECT_TRUE(ip4_checksum_good(passed.bytes.data() + inner));
    }
    const std::size_t half = both / 2;  // To the sender, from whom it talks to.
    EXPECT_TRUE(std::equal(passed.bytes.begin() + static_cast<std::ptrdiff_t>(addresses + half),
                           passed.bytes.begin() + static_cast<std::ptrdiff_t>(addresses + both),
                           original.begin() + static_cast<std::ptrdiff_t>(addresses)));
  }
};

TEST_P(SpliceIcmp, ATooBigOrUnreachableGoesBackToWhoHasSentIt) {
  opened("header");
  client_says("x");
  const auto original = dpdk_test::build_packet(client.segment(kAck, std::string(1400, 'a')), 7);
  const Sent up = only(give_bytes(original, kClientHop));
  expect_about(pass_on(too_big(up.bytes)), original, kClientHop);
  expect_about(pass_on(error(unreachable(), v4() ? 1 : 0, up.bytes)), original, kClientHop);
  const auto answer = dpdk_test::build_packet(server.segment(kAck, std::string(1400, 'b')), 8);
  const Sent down = only(give_bytes(answer, kServerHop));
  expect_about(pass_on(too_big(down.bytes)), answer, kServerHop);
  EXPECT_EQ(core->stats().icmp_passed, 3U);
}

TEST_P(SpliceIcmp, EightBytesOfTheTcpHeaderAreEnough) {
  opened();
  const auto original = dpdk_test::build_packet(client.segment(kAck, "data"), 7);
  const Sent up = only(give_bytes(original, kClientHop));
  expect_about(pass_on(v4() ? error(3, 4, up.bytes, 8) : error(2, 0, up.bytes, 8)), original,
               kClientHop);
  EXPECT_FALSE(pass_on(v4() ? error(3, 4, up.bytes, 7) : error(2, 0, up.bytes, 7)).sent);
}

TEST_P(SpliceIcmp, WhatIsNotBelievableIsDropped) {
  opened();
  const Sent up = only(from_client(kAck, "data"));
  auto acknowledged = up.bytes;
  store32(acknowledged.data() + ip_bytes() + 4, up.tcp.seq - 1);
  EXPECT_FALSE(pass_on(too_big(acknowledged)).sent);
  auto never_sent = up.bytes;
  store32(never_sent.data() + ip_bytes() + 4, up.tcp.seq + 4);
  EXPECT_FALSE(pass_on(too_big(never_sent)).sent);
  auto nobodys = up.bytes;
  nobodys[ip_bytes() + 1] ^= std::byte{1};
  EXPECT_FALSE(pass_on(too_big(nobodys)).sent);
  EXPECT_FALSE(pass_on(error(v4() ? 11 : 3, 0, up.bytes)).sent);  // Time exceeded.
  EXPECT_FALSE(pass_on(error(v4() ? 3 : 4, v4() ? 13 : 0, up.bytes)).sent);
  EXPECT_EQ(dropped(DropReason::kIcmpUnknown), 5U);
  auto damaged = too_big(up.bytes);
  damaged.back() ^= std::byte{1};
  EXPECT_FALSE(pass_on(damaged).sent);
  EXPECT_EQ(dropped(DropReason::kBadChecksum), 1U);
}

TEST_P(SpliceIcmp, ThereIsALimit) {
  CoreOptions few = small();
  few.icmp_per_second = 1;
  restart(few);
  opened();
  const Sent up = only(from_client(kAck, "data"));
  EXPECT_TRUE(pass_on(too_big(up.bytes)).sent);
  EXPECT_FALSE(pass_on(too_big(up.bytes)).sent);
  EXPECT_EQ(dropped(DropReason::kIcmpLimited), 1U);
}

TEST_P(SpliceIcmp, AConnectFailsAtOnceWithItsReason) {
  for (const bool refused : {true, false}) {
    restart({});
    const LegId leg = start_connect();
    const Sent syn = only(sent());
    EXPECT_FALSE(pass_on(too_big(syn.bytes)).sent);
    auto other = syn.bytes;
    store32(other.data() + ip_bytes() + 4, syn.tcp.seq + 1);
    EXPECT_FALSE(pass_on(error(unreachable(), 1, other)).sent);
    EXPECT_TRUE(events().empty());
    EXPECT_FALSE(pass_on(error(unreachable(), refused ? refused_code() : 1, syn.bytes)).sent);
    EXPECT_EQ(event(CoreEventKind::kConnected).error,
              base::to_errno(refused ? ECONNREFUSED : EHOSTUNREACH));
    core->close(leg, false);
    expect_empty();
  }
}

TEST_P(SpliceIcmp, AParkedUpstreamIsNotTouched) {
  server_leg();
  from_server(kAck, "2");
  auto syn = dpdk_test::build_packet(server.segment(kAck), 0);
  EXPECT_FALSE(pass_on(error(unreachable(), refused_code(), syn)).sent);
  EXPECT_TRUE(events().empty());
}

INSTANTIATE_TEST_SUITE_P(Families, SpliceIcmp, kFamilies, family_name);

}  // namespace
}  // namespace backends::dpdk::splice_core
