#include "backends/sim/sim_connect.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/backends/sim/sim_fixture.h"

namespace backends {
namespace {

class NoOwner final : public SimOwner {
 public:
  void socket_ready(std::uint64_t) override {}
  void listener_ready(std::uint64_t) override {}
};

class SimConnectTest : public testing::Test {
 protected:
  SimConnectTest() { spec_.remote = service_->address(); }

  base::Result<SimSocketId> dial() {
    auto socket = start_connect(network_, spec_, owner_, 0, stats_);
    settle();
    return socket;
  }
  void settle() {
    while (network_.step()) {
    }
  }
  std::string source_of(SimSocketId socket) {
    return base::ip_to_string(network_.socket(socket).local.ip);
  }

  SimNetwork network_{{}};
  std::unique_ptr<SimService> service_ =
      make_service(network_, "10.0.0.1:80", [](SimPeer& peer) { peer.echo(); });
  NoOwner owner_;
  ConnectSpec spec_;
  TransportStats stats_;
};

TEST_F(SimConnectTest, GoesRoundTheSourcesAndThenSaysThatNoneIsLeft) {
  const std::array sources = {address("10.0.1.1:0").ip, address("10.0.1.2:0").ip,
                              address("10.0.1.3:0").ip};
  network_.set_ports(spec_.remote, 2);
  spec_.sources = sources;
  spec_.first_source = 4;
  std::vector<std::string> used;
  std::vector<SimSocketId> sockets;
  for (int i = 0; i < 6; ++i) {
    const auto socket = dial();
    ASSERT_TRUE(socket);
    sockets.push_back(*socket);
    used.push_back(source_of(*socket));
  }
  const std::vector<std::string> expected = {"10.0.1.2", "10.0.1.2", "10.0.1.3",
                                             "10.0.1.3", "10.0.1.1", "10.0.1.1"};
  EXPECT_EQ(used, expected);
  EXPECT_EQ(stats_.sources_exhausted, 2U * 1 + 2U * 2);
  const auto refused = dial();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), base::to_errno(EADDRNOTAVAIL));
  EXPECT_EQ(stats_.sources_exhausted, 6U + 3);

  // A port comes back with its connection's end.
  network_.reset(sockets[2]);
  settle();
  const auto again = dial();
  ASSERT_TRUE(again);
  EXPECT_EQ(source_of(*again), "10.0.1.3");
}

TEST_F(SimConnectTest, TheBoundIsOfOneRemoteOnly) {
  const auto other = make_service(network_, "10.0.0.2:80", [](SimPeer&) {});
  network_.set_ports(spec_.remote, 1);
  EXPECT_TRUE(dial());
  EXPECT_FALSE(dial());
  EXPECT_EQ(stats_.sources_exhausted, 1U);
  spec_.remote = other->address();
  EXPECT_TRUE(dial());
  EXPECT_TRUE(dial());
}

TEST_F(SimConnectTest, PassesOverSourcesOfAnotherFamily) {
  const std::array sources = {address("[fd00::1]:0").ip, address("10.0.1.2:0").ip};
  spec_.sources = sources;
  const auto socket = dial();
  ASSERT_TRUE(socket);
  EXPECT_EQ(source_of(*socket), "10.0.1.2");
  spec_.sources = std::span(sources).first(1);
  const auto none = dial();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), base::to_errno(EADDRNOTAVAIL));
  EXPECT_EQ(stats_.sources_exhausted, 0U);
}

}  // namespace
}  // namespace backends
