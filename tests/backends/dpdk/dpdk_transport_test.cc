// What is the engine's own; the contract suite (dpdk_harness.cc) has what all engines promise.
#include "backends/dpdk/dpdk_transport.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "tests/backends/dpdk/mini_packet.h"
#include "tests/backends/dpdk/wire_world.h"

namespace dpdk_test {
namespace {

using backends::CloseMode;
using backends::Connection;
using backends::ConnectSpec;
using backends::Event;
using backends::EventKind;
using backends::RelayEnd;
using backends::Tag;
using backends::dpdk::DpdkTransport;
using backends::dpdk::DpdkTransportOptions;

base::IpPort ip(const char* text) { return base::parse_address(text).value().ip; }
base::Address address(const base::IpPort& ip) { return {.ip = ip, .path = {}}; }

constexpr Tag kListener{1, {}};
constexpr Tag kConnect{2, {}};
constexpr Tag kRelay{3, {}};

class DpdkTransportTest : public testing::Test {
 protected:
  static constexpr int kRoundsMax = 20'000;

  // No gateway: what is not on the link is unreachable.
  static DpdkTransportOptions plain() {
    DpdkTransportOptions options;
    options.limits = {.connections_max = 64, .clients_max = 32, .pipes_max = 0, .pipe_bytes = 0};
    options.datapath.core.pairs_max = 64;
    options.datapath.core.legs_max = 64;
    options.datapath.core.half_open_max = 64;
    options.datapath.core.seed = {1, 2};
    options.datapath.addresses = {{0, 24, ip("10.1.0.1:0"), {}},
                                  {0, 64, ip("[2001:db8::1]:0"), {}}};
    return options;
  }

  void start(DpdkTransportOptions options = plain(), const MiniTcpOptions& tcp = {}) {
    world_ = std::make_unique<WireWorld>(
        tcp, std::vector<base::IpPort>{ip("10.1.0.1:0"), ip("[2001:db8::1]:0")});
    backends::dpdk::Device* const device = &world_->add_wire();
    transport_ = std::make_unique<DpdkTransport>(std::move(options), std::span(&device, 1));
    ASSERT_TRUE(transport_->listen({.address = address(ours_), .tcp = {}}, kListener));
    world_->tcp().listen(service_);
    world_->tcp().listen(service6_);
  }

  void poll(base::Nanos wait = base::Nanos{0}) {
    for (const Event& event : transport_->poll(wait)) {
      events_.push_back(event);
      if (event.kind == EventKind::kAccepted) client_ = Connection(*transport_, event.conn);
    }
  }
  template <typename Done>
  bool pump(Done done) {
    for (int round = 0; round < kRoundsMax; ++round) {
      if (done()) return true;
      const bool moved = world_->step(base::monotonic_now());
      poll(moved ? base::Nanos{0} : base::Nanos{std::chrono::milliseconds(1)});
    }
    return false;
  }
  std::size_t count(EventKind kind) const {
    return static_cast<std::size_t>(std::ranges::count(events_, kind, &Event::kind));
  }
  Connection connect(const base::IpPort& remote) {
    ConnectSpec spec;
    spec.remote = address(remote);
    return transport_->connect(spec, kConnect);
  }
  // What the one kConnected said.
  base::Errno connected() {
    EXPECT_TRUE(pump([&] { return count(EventKind::kConnected) == 1; }));
    const auto found = std::ranges::find(events_, EventKind::kConnected, &Event::kind);
    return found == events_.end() ? base::to_errno(EPROTO) : found->error;
  }
  base::SlotId make_client() {
    const base::SlotId id = world_->tcp().connect(ip("10.1.0.7:5000"), ours_).value();
    EXPECT_TRUE(pump([&] { return static_cast<bool>(client_); }));
    return id;
  }

  const base::IpPort ours_ = ip("10.1.0.1:80");
  const base::IpPort service_ = ip("10.1.0.9:8080");
  const base::IpPort service6_ = ip("[2001:db8::9]:8080");
  std::unique_ptr<WireWorld> world_;
  std::unique_ptr<DpdkTransport> transport_;
  std::vector<Event> events_;
  backends::RelayProgress progress_;
  Connection client_;  // The last one that was accepted.
};

TEST_F(DpdkTransportTest, AConnectWaitsUntilTheNextStationIsKnown) {
  start();
  const Connection connection = connect(service_);
  poll();
  EXPECT_EQ(transport_->datapath().core().stats().connects, 1U);
  const auto handed_over = [&] { return transport_->datapath().device(0).stats().sent; };
  const std::uint64_t before = handed_over();
  poll();
  EXPECT_EQ(handed_over(), before) << "no SYN before its station is known";
  EXPECT_EQ(connected(), base::Errno::kNone);
  EXPECT_EQ(transport_->datapath().core().stats().syns_repeated, 0U);
  EXPECT_TRUE(transport_->alive(connection.id()));
}

TEST_F(DpdkTransportTest, AStationThatDoesNotAnswerIsUnreachable) {
  start();
  const base::IpPort nobody = ip("10.1.0.66:80");
  world_->remove_station(ip("10.1.0.66:0"));
  const Connection connection = connect(nobody);
  EXPECT_EQ(connected(), base::to_errno(EHOSTUNREACH));  // Asked in vain, for seconds.
  EXPECT_FALSE(transport_->alive(connection.id()));
  EXPECT_EQ(transport_->peer(connection.id()).ip, nobody);
  // From now on that is known for a while.
  events_.clear();
  const Connection next = connect(nobody);
  EXPECT_EQ(count(EventKind::kConnected), 0U) << "no event outside poll()";
  poll();
  ASSERT_EQ(count(EventKind::kConnected), 1U);
  EXPECT_EQ(events_.back().error, base::to_errno(EHOSTUNREACH));
}

TEST_F(DpdkTransportTest, AConnectMayBeDroppedWhileItsStationIsLookedFor) {
  start();
  { const Connection dropped = connect(service_); }
  poll();
  const Connection connection = connect(service_);
  EXPECT_EQ(connected(), base::Errno::kNone);
  EXPECT_EQ(count(EventKind::kConnected), 1U);
  EXPECT_EQ(transport_->stats().connections, 1U);
}

TEST_F(DpdkTransportTest, AnAddressWithoutARouteIsUnreachable) {
  start();
  const Connection connection = connect(ip("192.0.2.1:80"));
  EXPECT_TRUE(connection) << "its owner drops it";
  EXPECT_EQ(connected(), base::to_errno(EHOSTUNREACH));
}

TEST_F(DpdkTransportTest, AUnixSocketIsAnotherEnginesBusiness) {
  start();
  ConnectSpec spec;
  spec.remote = base::parse_address("unix:/run/x.sock").value();
  const Connection connection = transport_->connect(spec, kConnect);
  EXPECT_EQ(connected(), base::to_errno(EAFNOSUPPORT));
  const auto listening = transport_->listen({.address = spec.remote, .tcp = {}}, kListener);
  ASSERT_FALSE(listening.has_value());
  EXPECT_EQ(listening.error(), base::to_errno(EAFNOSUPPORT));
}

TEST_F(DpdkTransportTest, WhenTheCoreIsFullAConnectSaysSo) {
  DpdkTransportOptions options = plain();
  options.datapath.core.legs_max = 2;
  start(std::move(options));
  const Connection first = connect(service_);
  const Connection second = connect(service_);
  const Connection third = connect(service_);
  EXPECT_TRUE(third);
  ASSERT_TRUE(pump([&] { return count(EventKind::kConnected) == 3; }));
  const auto refused = std::ranges::find(
      events_, transport_->stats().connects_refused == 1 ? third.id() : first.id(), &Event::conn);
  ASSERT_NE(refused, events_.end());
  EXPECT_EQ(refused->error, base::to_errno(EMFILE));
}

TEST_F(DpdkTransportTest, WithoutALocalPortOfOursThereIsNoConnection) {
  DpdkTransportOptions options = plain();
  options.choice.v4 = [](const auto&) { return false; };  // Every reply goes to somebody else.
  start(std::move(options));
  const Connection connection = connect(service_);
  EXPECT_EQ(connected(), base::to_errno(EADDRNOTAVAIL));
  EXPECT_EQ(transport_->stats().sources_exhausted, 1U);
  EXPECT_EQ(transport_->stats().connects_refused, 1U);
}

TEST_F(DpdkTransportTest, AWakeEndsAPollWhetherItSpinsOrSleeps) {
  for (const auto idle : {backends::dpdk::Idle::kSpin, backends::dpdk::Idle::kSleep}) {
    DpdkTransportOptions options = plain();
    options.idle = idle;
    start(std::move(options));
    events_.clear();
    transport_->wake();
    poll(base::kForever);
    EXPECT_EQ(count(EventKind::kWoken), 1U);
    poll();
    EXPECT_EQ(count(EventKind::kWoken), 1U);
    EXPECT_EQ(transport_->stats().wakes, 1U);
  }
}

TEST_F(DpdkTransportTest, AnEmptyPollTakesAsLongAsItMay) {
  start();
  poll();
  const base::Nanos before = base::monotonic_now();
  poll(std::chrono::milliseconds(5));
  EXPECT_GE(base::monotonic_now() - before, std::chrono::milliseconds(5));
  EXPECT_GT(transport_->stats().waited, base::Nanos{0});
}

TEST_F(DpdkTransportTest, AClientOfWholeSegmentsMayUseAPool) {
  start();
  make_client();
  EXPECT_TRUE(transport_->may_pool(client_.id()));
}

TEST_F(DpdkTransportTest, AClientOfSmallSegmentsGetsAnUpstreamThatIsMadeForIt) {
  MiniTcpOptions tcp;
  tcp.mtu = 1400;
  start(plain(), tcp);
  make_client();
  EXPECT_FALSE(transport_->may_pool(client_.id()));
  std::vector<std::uint16_t> announced;
  world_->on_packet = [&](std::span<const std::byte> packet) {
    const auto segment = read_packet(packet);
    if (segment && segment->has(kSyn)) announced.push_back(segment->mss.value_or(0));
  };
  ConnectSpec spec;
  spec.remote = address(service_);
  spec.client = client_.id();
  const Connection upstream = transport_->connect(spec, kConnect);
  EXPECT_EQ(connected(), base::Errno::kNone);
  EXPECT_EQ(announced, std::vector<std::uint16_t>{1360});
}

TEST_F(DpdkTransportTest, AClientAndAnUpstreamOfDifferentFamiliesCannotBeJoined) {
  start();
  const base::SlotId far = make_client();
  Connection upstream = connect(service6_);
  EXPECT_EQ(connected(), base::Errno::kNone);
  transport_->relay(std::move(client_), std::move(upstream), {}, progress_, kRelay);
  ASSERT_TRUE(pump([&] { return count(EventKind::kRelayDone) == 1; }));
  EXPECT_EQ(events_.back().relay_end, RelayEnd::kFailed);
  EXPECT_EQ(events_.back().error, base::to_errno(EAFNOSUPPORT));
  EXPECT_TRUE(pump([&] { return world_->tcp().was_reset(far); }));
  EXPECT_EQ(transport_->stats().connections, 0U);
}

TEST_F(DpdkTransportTest, AGoodbyeThatComesTooLateBeginsNothing) {
  start();
  const base::SlotId far = make_client();
  // Its numbers are those of a first acknowledgement, because no byte was said.
  world_->tcp().shutdown_write(far);
  world_->step(base::monotonic_now());
  client_.close(CloseMode::kReset);
  ASSERT_TRUE(pump([&] { return world_->tcp().was_reset(far); }));
  poll();
  EXPECT_EQ(count(EventKind::kAccepted), 1U);
  EXPECT_EQ(transport_->stats().connections, 0U);
}

TEST_F(DpdkTransportTest, WhatADestroyedTransportHadIsReset) {
  start();
  const base::SlotId far = make_client();
  static_cast<void>(client_.release());
  transport_.reset();
  world_->step(base::monotonic_now());
  EXPECT_TRUE(world_->tcp().was_reset(far));
}

}  // namespace
}  // namespace dpdk_test
