// The laboratory's own instruments: an instrument that sees nothing would call every engine intact.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/bench/c10m/frames.h"
#include "tests/bench/c10m/payload.h"
#include "tests/bench/c10m/plan.h"
#include "tests/bench/c10m/report.h"

namespace bench::c10m {
namespace {

template <typename Ip>
class C10mFrames : public ::testing::Test {};
using Families = ::testing::Types<Ip4, Ip6>;
TYPED_TEST_SUITE(C10mFrames, Families);

TYPED_TEST(C10mFrames, AnEndpointIsFoundAgainByItsNumber) {
  for (const std::uint32_t number : {0U, 1U, 32767U, 32768U, 64511U, 64512U, 9'999'999U}) {
    const auto client = client_endpoint<TypeParam>(number);
    EXPECT_EQ(place_of(client.ip).net, Net::kClients);
    EXPECT_EQ(client_number(place_of(client.ip), client.port), number);
    const auto local = local_endpoint<TypeParam>(number);
    EXPECT_EQ(place_of(local.ip).net, Net::kLocal);
    EXPECT_EQ(server_number(place_of(local.ip), local.port), number);
  }
  EXPECT_EQ(place_of(service_endpoint<TypeParam>().ip).net, Net::kService);
  EXPECT_EQ(place_of(server_endpoint<TypeParam>().ip).net, Net::kServer);
  EXPECT_EQ(place_of(TypeParam{}).net, Net::kNone);
}

template <typename Ip>
struct Built {
  std::array<std::byte, 256> bytes{};
  std::uint32_t size = 0;
};

template <typename Ip>
Built<Ip> build(std::size_t payload) {
  Built<Ip> built;
  write_payload(payload_place<Ip>(built.bytes.data(), payload), {.client = 7, .server = 9});
  const Tcp<Ip> tcp{.source = client_endpoint<Ip>(7),
                    .target = service_endpoint<Ip>(),
                    .seq = 0xfffffff0,
                    .ack = 5,
                    .flags = kAck | kPsh};
  built.size = write_frame(built.bytes.data(), Macs{}, tcp, payload);
  return built;
}

TYPED_TEST(C10mFrames, AFrameReadsAsItWasWritten) {
  const auto built = build<TypeParam>(64);
  Arrived<TypeParam> arrived;
  ASSERT_TRUE(read_frame<TypeParam>(std::span(built.bytes).first(built.size), arrived));
  EXPECT_EQ(arrived.tcp.source, client_endpoint<TypeParam>(7));
  EXPECT_EQ(arrived.tcp.target, service_endpoint<TypeParam>());
  EXPECT_EQ(arrived.tcp.seq, 0xfffffff0U);
  EXPECT_EQ(arrived.tcp.ack, 5U);
  EXPECT_EQ(arrived.tcp.flags, kAck | kPsh);
  EXPECT_EQ(arrived.payload.size(), 64U);
  EXPECT_TRUE(checksums_good<TypeParam>(built.bytes.data()));
}

TYPED_TEST(C10mFrames, EveryBitOfThePacketIsUnderAChecksum) {
  auto built = build<TypeParam>(39);
  // What IPv6 says of traffic class, next header and hops is under none.
  const std::size_t first = kMacBytes + (kIsIp4<TypeParam> ? 0 : 8);
  for (std::size_t at = first; at < built.size; ++at) {
    // Lengths would move the end of what is summed.
    if (kIsIp4<TypeParam> && (at == kMacBytes + 2 || at == kMacBytes + 3)) continue;
    built.bytes.at(at) ^= std::byte{0x10};
    EXPECT_FALSE(checksums_good<TypeParam>(built.bytes.data())) << at;
    built.bytes.at(at) ^= std::byte{0x10};
  }
}

TYPED_TEST(C10mFrames, AShortFrameIsNotRead) {
  const auto built = build<TypeParam>(64);
  Arrived<TypeParam> arrived;
  EXPECT_FALSE(read_frame<TypeParam>(std::span(built.bytes).first(built.size - 1), arrived));
  EXPECT_FALSE(read_frame<TypeParam>(std::span(built.bytes).first(20), arrived));
}

TEST(C10mPayload, AnyOtherByteIsSeen) {
  for (const std::size_t size : {kPayloadMin, kPayloadMin + 3, std::size_t{64}}) {
    std::array<std::byte, 64> bytes{};
    const auto payload = std::span(bytes).first(size);
    const Message sent{.client = 1, .server = 2, .number = 3, .stamp = 4};
    write_payload(payload, sent);
    Message found;
    ASSERT_TRUE(read_payload(payload, found));
    EXPECT_EQ(found.client, 1U);
    EXPECT_EQ(found.server, 2U);
    EXPECT_EQ(found.number, 3U);
    EXPECT_EQ(found.stamp, 4U);
    for (std::size_t at = sizeof(Message); at < size; ++at) {
      payload[at] ^= std::byte{1};
      EXPECT_FALSE(read_payload(payload, found)) << at;
      payload[at] ^= std::byte{1};
    }
  }
}

TEST(C10mPayload, OneClientsBytesAreNotAnothers) {
  std::array<std::byte, 64> bytes{};
  write_payload(bytes, {.client = 1});
  const std::uint32_t other = 2;
  std::memcpy(bytes.data(), &other, sizeof(other));
  Message found;
  EXPECT_FALSE(read_payload(bytes, found));
}

TEST(C10mReport, SpeedDoesNotMakeARunFailButALostFrameDoes) {
  c10m::Run run;
  run.hold.emplace();
  run.hold->pairs_held = 10'000'000;
  run.hold->phases.push_back({.name = "exchange, random pairs", .count = 1, .received = 1});
  run.hold->phases.back().engine = std::chrono::seconds(1);
  EXPECT_TRUE(intact(run));
  const auto judged = judge(run);
  EXPECT_TRUE(std::ranges::any_of(
      judged, [](const Judgement& each) { return each.verdict == Verdict::kMissed; }));
  run.hold->integrity.lost = 1;
  EXPECT_FALSE(intact(run));
}

TEST(C10mReport, WhatIsLeftBehindMakesARunFail) {
  c10m::Run run;
  run.life.emplace();
  EXPECT_TRUE(intact(run));
  run.life->leftovers.emplace_back("1 legs");
  EXPECT_FALSE(intact(run));
}

}  // namespace
}  // namespace bench::c10m
