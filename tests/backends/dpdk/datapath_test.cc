// Frames in, frames out, and the way to others, with a world at the other end of a wire in memory
// and time as the test wants it.
#include "backends/dpdk/datapath.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "backends/dpdk/ethernet.h"
#include "tests/backends/dpdk/mini_packet.h"
#include "tests/backends/dpdk/wire_world.h"

namespace dpdk_test {
namespace {

using backends::dpdk::Datapath;
using backends::dpdk::DatapathOptions;
using backends::dpdk::Device;
using backends::dpdk::Reach;
using backends::dpdk::Way;
using backends::dpdk::splice_core::CoreEventKind;
using backends::dpdk::splice_core::kNoHop;

base::IpPort ip(const char* text) { return base::parse_address(text).value().ip; }

DatapathOptions options() {
  DatapathOptions options;
  options.core.pairs_max = 64;
  options.core.legs_max = 1024;
  options.core.half_open_max = 64;
  options.core.seed = {1, 2};
  options.addresses = {{0, 24, ip("10.1.0.1:0"), ip("10.1.0.254:0")},
                       {0, 24, ip("10.1.0.2:0"), {}},
                       {0, 64, ip("[2001:db8::1]:0"), {}}};
  return options;
}

class DatapathTest : public testing::Test {
 protected:
  DatapathTest() { path_.core().listen(ip("10.1.0.1:80"), 1); }

  void round(base::Nanos time = std::chrono::milliseconds(1)) {
    now_ += time;
    path_.round(now_);
    world_.step(now_);
  }
  // Until `done`, but not for ever.
  template <typename Done>
  bool rounds(Done done) {
    constexpr int kRoundsMax = 1000;
    for (int i = 0; i < kRoundsMax && !done(); ++i) round();
    return done();
  }

  base::Nanos now_ = std::chrono::hours(1);
  WireWorld world_{{}, {ip("10.1.0.1:0"), ip("10.1.0.2:0"), ip("[2001:db8::1]:0")}};
  std::array<Device*, 1> devices_ = {&world_.add_wire()};
  Datapath path_{options(), devices_, {}, now_};
};

TEST_F(DatapathTest, ANeighbourIsAskedForAndThenKnown) {
  for (const char* neighbour : {"10.1.0.9:80", "[2001:db8::9]:80"}) {
    const Way first = path_.way_to(ip(neighbour));
    EXPECT_EQ(first.reach, Reach::kPending) << neighbour;
    EXPECT_EQ(first.hop, kNoHop);
    ASSERT_TRUE(rounds([&] { return path_.way_to(ip(neighbour)).reach != Reach::kPending; }));
    const Way known = path_.way_to(ip(neighbour));
    EXPECT_EQ(known.reach, Reach::kKnown);
    EXPECT_NE(known.hop, kNoHop);
  }
}

TEST_F(DatapathTest, ConnectionsMayComeFromAllAddressesOfThePrefix) {
  const Way way = path_.way_to(ip("10.1.0.9:80"));
  ASSERT_EQ(way.sources.size(), 2U);
  EXPECT_EQ(way.sources[0], ip("10.1.0.1:0"));
  EXPECT_EQ(way.sources[1], ip("10.1.0.2:0"));
  // Beyond the gateway only the address that has one.
  const Way far = path_.way_to(ip("192.0.2.1:80"));
  ASSERT_EQ(far.sources.size(), 1U);
  EXPECT_EQ(far.sources[0], ip("10.1.0.1:0"));
}

TEST_F(DatapathTest, WhatIsFarGoesByTheGateway) {
  world_.remove_station(ip("192.0.2.1:0"));  // Nobody on this link is asked for it.
  ASSERT_TRUE(rounds([&] { return path_.way_to(ip("192.0.2.1:80")).reach == Reach::kKnown; }));
  const auto gateway = path_.way_to(ip("192.0.2.1:80")).hop;
  EXPECT_EQ(path_.way_to(ip("192.0.2.200:80")).hop, gateway);
}

TEST_F(DatapathTest, WhoDoesNotAnswerIsUnreachable) {
  const base::IpPort nobody = ip("10.1.0.66:80");
  world_.remove_station(ip("10.1.0.66:0"));
  EXPECT_EQ(path_.way_to(nobody).reach, Reach::kPending);
  for (int i = 0; i < backends::dpdk::kAskTimes; ++i) {
    EXPECT_EQ(path_.way_to(nobody).reach, Reach::kPending) << i;
    round(backends::dpdk::kAskAgain);
  }
  EXPECT_EQ(path_.way_to(nobody).reach, Reach::kUnreachable);
  EXPECT_EQ(path_.link_stats(0).unanswered, 1U);
  // It comes back, and is found when it is asked for again.
  world_.return_station(ip("10.1.0.66:0"));
  round(backends::dpdk::kAskPause);
  EXPECT_TRUE(rounds([&] { return path_.way_to(nobody).reach == Reach::kKnown; }));
}

TEST_F(DatapathTest, WithoutARouteThereIsNoWay) {
  const Way way = path_.way_to(ip("[2001:db8:5::1]:80"));  // No gateway in this family.
  EXPECT_EQ(way.reach, Reach::kUnreachable);
  EXPECT_TRUE(way.sources.empty());
  EXPECT_EQ(path_.way_to(ip("10.1.0.2:80")).reach, Reach::kUnreachable) << "that is us";
}

TEST_F(DatapathTest, AClientOfTheWireReachesTheCore) {
  const auto client = world_.tcp().connect(ip("192.0.2.7:5000"), ip("10.1.0.1:80"));
  ASSERT_TRUE(rounds([&] { return !path_.core().events().empty(); }));
  EXPECT_EQ(path_.core().events()[0].kind, CoreEventKind::kAccepted);
  EXPECT_TRUE(world_.tcp().connected(client.value()));
  EXPECT_GT(path_.stats().bursts, 0U);
  EXPECT_GT(path_.stats().sampled_packets, 0U) << "the first burst is measured";
}

TEST_F(DatapathTest, SegmentsOfMoreThanOneBurstAllLeave) {
  constexpr std::size_t kConnects = 3 * backends::dpdk::kBurstMax + 5;
  const base::IpPort service = ip("10.1.0.9:8080");
  world_.tcp().listen(service);
  ASSERT_TRUE(rounds([&] { return path_.way_to(service).reach == Reach::kKnown; }));
  const Way way = path_.way_to(service);
  for (std::uint64_t i = 0; i < kConnects; ++i) {
    ASSERT_TRUE(path_.core().connect(
        {.remote = service, .sources = way.sources, .hop = way.hop, .token = i}));
  }
  path_.flush();
  world_.step(now_);
  EXPECT_EQ(world_.tcp().connections(), kConnects);
  const auto connected = [&] {
    return static_cast<std::size_t>(
        std::ranges::count(path_.core().events(), CoreEventKind::kConnected,
                           &backends::dpdk::splice_core::CoreEvent::kind));
  };
  EXPECT_TRUE(rounds([&] { return connected() == kConnects; }));
}

TEST_F(DatapathTest, ASynLeavesOnlyWhenItsHopIsKnown) {
  const base::IpPort service = ip("10.1.0.9:8080");
  world_.tcp().listen(service);
  const Way way = path_.way_to(service);
  const auto leg = path_.core().connect({.remote = service, .sources = way.sources, .hop = kNoHop});
  ASSERT_TRUE(leg.has_value());
  ASSERT_TRUE(rounds([&] { return path_.way_to(service).reach == Reach::kKnown; }));
  EXPECT_EQ(world_.tcp().connections(), 0U);
  path_.core().reach(*leg, path_.way_to(service).hop);
  path_.flush();
  world_.step(now_);
  EXPECT_EQ(world_.tcp().connections(), 1U);
}

// More frames than the device has buffers: each is given back, whatever becomes of it.
TEST_F(DatapathTest, NoFrameIsKept) {
  TcpSegment stray;
  stray.source = ip("192.0.2.7:5000");
  stray.flags = kAck;
  const std::array targets = {ip("10.1.0.1:81"), ip("10.1.0.77:80"), ip("[2001:db8::1]:81")};
  constexpr std::size_t kFrames = 5000;
  for (std::size_t i = 0; i < kFrames; ++i) {
    stray.destination = targets[i % targets.size()];
    stray.source = ip(i % targets.size() == 2 ? "[2001:db8:1::7]:5000" : "192.0.2.7:5000");
    world_.send(build_packet(stray, static_cast<std::uint16_t>(i)));
    if (i % 50 == 0) round();
  }
  round();
  EXPECT_EQ(path_.device(0).stats().received, kFrames + 1) << "and the gateway's answer";
  EXPECT_EQ(path_.device(0).stats().no_buffers, 0U);
  const auto client = world_.tcp().connect(ip("192.0.2.8:5000"), ip("10.1.0.1:80"));
  EXPECT_TRUE(rounds([&] { return world_.tcp().connected(client.value()); }));
}

}  // namespace
}  // namespace dpdk_test
