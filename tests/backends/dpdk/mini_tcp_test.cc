#include "tests/backends/dpdk/mini_tcp.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/mini_lab.h"

namespace dpdk_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Both ends send `size` bytes and close; every byte must arrive, and both must end.
void exchange(Lab& lab, std::size_t size) {
  const auto up = pattern(size, 1);
  const auto down = pattern(size, 2);
  lab.client.send(lab.near, up);
  lab.server.send(lab.far, down);
  lab.client.shutdown_write(lab.near);
  lab.server.shutdown_write(lab.far);
  ASSERT_TRUE(lab.until([&] { return lab.client.eof(lab.near) && lab.server.eof(lab.far); }));
  EXPECT_TRUE(lab.server.received(lab.far) == up);
  EXPECT_TRUE(lab.client.received(lab.near) == down);
  lab.client.release(lab.near);
  lab.server.release(lab.far);
  EXPECT_TRUE(
      lab.until([&] { return lab.client.connections() == 0 && lab.server.connections() == 0; }));
  EXPECT_EQ(lab.client.stats().bad_sacks + lab.server.stats().bad_sacks, 0U);
}

TEST(MiniTcp, BytesGoBothWaysOnAGoodWireWithoutRetransmission) {
  Lab lab;
  lab.connect();
  exchange(lab, 1'000'000);
  EXPECT_EQ(lab.client.stats().retransmits, 0U);
  EXPECT_EQ(lab.server.stats().retransmits, 0U);
}

TEST(MiniTcp, Ipv6Works) {
  Lab lab;
  lab.local = ip("[2001:db8::1]:40000");
  lab.remote = ip("[2001:db8::80]:80");
  lab.connect();
  EXPECT_EQ(lab.client.view(lab.near).mss, 1440);
  exchange(lab, 300'000);
}

constexpr Faults kHostile = {50, 20, 50, 10, milliseconds(2), milliseconds(6)};

class MiniTcpFaults : public testing::TestWithParam<std::uint64_t> {};

TEST_P(MiniTcpFaults, BytesArriveWholeOverAHostileWire) {
  Lab lab({}, kHostile, GetParam());
  if (GetParam() % 2 == 0) {
    lab.local = ip("[2001:db8::1]:40000");
    lab.remote = ip("[2001:db8::80]:80");
  }
  lab.connect();
  exchange(lab, 500'000);
  EXPECT_GT(lab.client.stats().retransmits, 0U);
  EXPECT_GT(lab.client.stats().fast_retransmits, 0U);
  EXPECT_GT(lab.client.stats().sack_blocks, 0U);
  const auto& stats = lab.server.stats();
  EXPECT_GT(stats.bad_ip_checksums + stats.bad_tcp_checksums + stats.malformed, 0U);
}

TEST_P(MiniTcpFaults, SoTheyDoWithoutAnyOption) {
  MiniTcpOptions plain;
  plain.mss_option = plain.window_scale = plain.sack = false;
  Lab lab({}, plain, kHostile, GetParam());
  lab.connect();
  EXPECT_EQ(lab.client.view(lab.near).mss, 536);
  exchange(lab, 100'000);
  EXPECT_EQ(lab.client.stats().sack_blocks, 0U);
}

TEST_P(MiniTcpFaults, SequenceNumbersMayWrapOnTheWay) {
  Lab lab({}, kHostile, GetParam());
  lab.connect({.isn = 0xffffff00U}, {.isn = 0xfffe0000U});
  exchange(lab, 300'000);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MiniTcpFaults, testing::Range<std::uint64_t>(1, 9));

TEST(MiniTcp, TheIsnIsTheCallers) {
  Lab lab;
  lab.connect({.isn = 0xffffffffU}, {.isn = 7});
  EXPECT_EQ(lab.client.view(lab.near).snd_una, 0U);
  EXPECT_EQ(lab.server.view(lab.far).rcv_nxt, 0U);
  EXPECT_EQ(lab.client.view(lab.near).rcv_nxt, 8U);
}

TEST(MiniTcp, ManyConnectionsAreServedAtOnce) {
  constexpr std::size_t kConnections = 2000;
  MiniTcpOptions options;
  options.backlog = kConnections;
  Lab lab(options, {20, 10, 20, 5, milliseconds(2), milliseconds(5)});
  lab.server.listen(lab.remote);
  std::vector<base::SlotId> clients;
  for (std::size_t i = 0; i < kConnections; ++i) {
    lab.local.port = static_cast<std::uint16_t>(10'000 + i);
    const auto id = lab.client.connect(lab.local, lab.remote);
    ASSERT_TRUE(id.has_value());
    lab.client.send(*id, pattern(3000, i));
    lab.client.shutdown_write(*id);
    clients.push_back(*id);
  }
  // The server echoes and closes when the client has.
  std::vector<base::SlotId> served;
  std::size_t done = 0;
  ASSERT_TRUE(lab.until([&] {
    while (const auto id = lab.server.accept(lab.remote)) served.push_back(*id);
    std::erase_if(served, [&](base::SlotId id) {
      if (!lab.server.eof(id)) return false;
      lab.server.send(id, lab.server.received(id));
      lab.server.shutdown_write(id);
      ++done;
      return true;
    });
    return done == kConnections &&
           std::ranges::all_of(clients, [&](base::SlotId id) { return lab.client.eof(id); });
  }));
  for (std::size_t i = 0; i < kConnections; ++i) {
    ASSERT_TRUE(lab.client.received(clients[i]) == pattern(3000, i)) << i;
    lab.client.release(clients[i]);
  }
  EXPECT_TRUE(lab.until([&] { return lab.client.connections() == 0; }));
}

TEST(MiniTcp, AReaderThatStopsClosesTheWindowAndOpensItAgain) {
  Lab lab;
  lab.connect({}, {.isn = {}, .buffer_bytes = 10'000});
  lab.server.read(lab.far, false);
  const auto bytes = pattern(50'000);
  lab.client.send(lab.near, bytes);
  lab.run(seconds(5));
  EXPECT_EQ(lab.client.view(lab.near).snd_wnd, 0U);
  EXPECT_EQ(lab.client.in_flight(lab.near), 40'000U);
  EXPECT_GT(lab.client.stats().probes, 2U);
  EXPECT_TRUE(lab.server.received(lab.far).empty());
  lab.server.read(lab.far, true);
  ASSERT_TRUE(lab.until([&] { return lab.server.received(lab.far).size() == bytes.size(); }));
  EXPECT_TRUE(lab.server.received(lab.far) == bytes);
  EXPECT_EQ(lab.client.stats().retransmits, 0U);
}

TEST(MiniTcp, ALostWindowUpdateIsMadeUpForByProbes) {
  Lab lab;
  lab.connect({}, {.isn = {}, .buffer_bytes = 5000});
  lab.server.read(lab.far, false);
  lab.client.send(lab.near, pattern(20'000));
  lab.client.shutdown_write(lab.near);
  lab.run(seconds(2));
  lab.wire.set_faults({.loss = 1000});
  lab.server.read(lab.far, true);
  lab.run(milliseconds(10));
  lab.wire.set_faults({});
  EXPECT_TRUE(lab.until([&] { return lab.server.eof(lab.far); }));
  EXPECT_EQ(lab.server.received(lab.far).size(), 20'000U);
}

TEST(MiniTcp, TickReadsAtMostReadMax) {
  Lab lab;
  lab.connect();
  lab.server.read(lab.far, true, 100);
  lab.client.send(lab.near, pattern(1000));
  lab.run(milliseconds(4));
  const std::size_t before = lab.server.received(lab.far).size();
  lab.step();
  EXPECT_EQ(lab.server.received(lab.far).size(), before + 100);
}

TEST(MiniTcp, AHalfClosedConnectionStillCarriesTheOtherWay) {
  Lab lab;
  lab.connect();
  lab.client.send(lab.near, pattern(10));
  lab.client.shutdown_write(lab.near);
  ASSERT_TRUE(lab.until([&] { return lab.server.eof(lab.far); }));
  EXPECT_EQ(lab.server.view(lab.far).state, TcpState::kCloseWait);
  lab.server.send(lab.far, pattern(100'000));
  ASSERT_TRUE(lab.until([&] { return lab.client.received(lab.near).size() == 100'000; }));
  EXPECT_EQ(lab.client.view(lab.near).state, TcpState::kFinWait2);
  EXPECT_FALSE(lab.client.eof(lab.near));
  lab.server.close(lab.far);
  ASSERT_TRUE(lab.until([&] { return lab.client.eof(lab.near); }));
  EXPECT_EQ(lab.client.view(lab.near).state, TcpState::kTimeWait);
  EXPECT_EQ(lab.server.view(lab.far).state, TcpState::kLastAck);
  lab.run(seconds(1));
  EXPECT_EQ(lab.client.view(lab.near).state, TcpState::kClosed);
  EXPECT_EQ(lab.server.view(lab.far).state, TcpState::kClosed);
}

TEST(MiniTcp, EofIsSeenOnlyAfterEveryByteWasRead) {
  Lab lab;
  lab.connect();
  lab.server.read(lab.far, false);
  lab.client.send(lab.near, pattern(10));
  lab.client.shutdown_write(lab.near);
  lab.run(milliseconds(50));
  EXPECT_FALSE(lab.server.eof(lab.far));
  lab.server.read(lab.far, true, 9);
  lab.step();
  EXPECT_FALSE(lab.server.eof(lab.far));
  lab.step();
  EXPECT_TRUE(lab.server.eof(lab.far));
}

TEST(MiniTcp, AnIsolatedLossIsRepairedWithoutATimeout) {
  Lab lab;
  lab.connect();
  std::size_t full = 0;
  // The fifth full segment is damaged once.
  lab.on_packet = [&full](std::size_t side, std::vector<std::byte>& packet) {
    if (side == 0 && packet.size() == 1500 && ++full == 5) packet[100] ^= std::byte{1};
  };
  lab.client.send(lab.near, pattern(100'000));
  const base::Nanos start = lab.now;
  ASSERT_TRUE(lab.until([&] { return lab.server.received(lab.far).size() == 100'000; }));
  EXPECT_LT(lab.now - start, milliseconds(100));
  EXPECT_EQ(lab.client.stats().fast_retransmits, 1U);
  EXPECT_EQ(lab.client.stats().timeouts, 0U);
  EXPECT_EQ(lab.server.stats().bad_tcp_checksums, 1U);
}

TEST(MiniTcp, RetransmissionsDoubleTheirIntervalAndEnd) {
  MiniTcpOptions options;
  options.retries_max = 4;
  Lab lab(options);
  lab.connect();
  lab.wire.set_faults({.loss = 1000});
  std::vector<base::Nanos> times;
  lab.on_packet = [&](std::size_t side, const std::vector<std::byte>&) {
    if (side == 0) times.push_back(lab.now);
  };
  lab.client.send(lab.near, pattern(10));
  ASSERT_TRUE(lab.until([&] { return lab.client.timed_out(lab.near); }));
  ASSERT_EQ(times.size(), 5U);
  EXPECT_EQ(times[1] - times[0], milliseconds(200));
  EXPECT_EQ(times[2] - times[1], milliseconds(400));
  EXPECT_EQ(times[3] - times[2], milliseconds(800));
  EXPECT_EQ(times[4] - times[3], milliseconds(1600));
}

TEST(MiniTcp, TheFirstBurstHasTenSegments) {
  Lab lab;
  lab.connect();
  std::size_t full = 0;
  lab.on_packet = [&full](std::size_t side, const std::vector<std::byte>& packet) {
    if (side == 0 && packet.size() == 1500) ++full;
  };
  lab.client.send(lab.near, pattern(200'000));
  lab.step();
  EXPECT_EQ(full, 10U);
}

}  // namespace
}  // namespace dpdk_test
