#include "backends/sim/sim_peer.h"

#include <gtest/gtest.h>

#include "tests/backends/sim/sim_fixture.h"

namespace backends {
namespace {

class SimPeerTest : public testing::Test {
 protected:
  void settle() {
    while (network_.step()) {
    }
  }
  SimNetwork network_{{}};
};

TEST_F(SimPeerTest, AnEchoSendsBackEverythingAndAnswersTheFin) {
  const auto service = make_service(network_, "10.0.0.1:80", [](SimPeer& peer) { peer.echo(); });
  const auto client = make_client(network_, service->address());
  client->send(stream(1, 200'000));
  client->shutdown_write();
  settle();
  EXPECT_EQ(client->received(), stream(1, 200'000));
  EXPECT_TRUE(client->eof());
  EXPECT_TRUE(client->sent_fin());
  EXPECT_EQ(client->sent(), 200'000U);
}

TEST_F(SimPeerTest, AnAllowanceIsReadAndNotAByteMore) {
  const auto service =
      make_service(network_, "10.0.0.1:80", [](SimPeer& peer) { peer.read(10, 25); });
  const auto client = make_client(network_, service->address());
  client->send(stream(1, 100));
  settle();
  SimPeer& reader = *service->peers().at(0);
  for (int i = 0; i < 10; ++i) reader.pump();
  EXPECT_EQ(reader.received().size(), 25U);
  EXPECT_TRUE(reader.paused());
}

TEST_F(SimPeerTest, CloseSendsAFinOnlyWhenNothingWasLeftUnread) {
  const auto service =
      make_service(network_, "10.0.0.1:80", [](SimPeer& peer) { peer.stop_reading(); });
  const auto silent = make_client(network_, service->address());
  settle();
  service->peers().at(0)->close();
  EXPECT_TRUE(service->peers().at(0)->sent_fin());
  const auto talking = make_client(network_, service->address());
  talking->send(stream(1, 10));
  settle();
  service->peers().at(1)->close();
  EXPECT_FALSE(service->peers().at(1)->sent_fin());
}

TEST_F(SimPeerTest, AManualPeerMovesOnlyWhenPumped) {
  const auto service = make_service(network_, "10.0.0.1:80", nullptr);
  const auto client = make_client(network_, service->address());
  settle();
  const auto peer = service->accept();
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(service->accept(), nullptr);
  client->send(stream(1, 10));
  settle();
  EXPECT_TRUE(peer->received().empty());
  EXPECT_TRUE(peer->pump());
  EXPECT_EQ(peer->received(), stream(1, 10));
  EXPECT_FALSE(peer->pump());
}

TEST_F(SimPeerTest, AResetIsCleanWhenEverythingHadArrived) {
  const auto service = make_service(network_, "10.0.0.1:80", [](SimPeer&) {});
  const auto clean = make_client(network_, service->address());
  clean->send(stream(1, 10));
  settle();
  clean->reset();
  EXPECT_TRUE(clean->reset_cleanly());
  const auto hasty = make_client(network_, service->address());
  settle();
  hasty->send(stream(1, 10));
  hasty->reset();
  EXPECT_FALSE(hasty->reset_cleanly());
}

TEST_F(SimPeerTest, AScriptRunsAtEveryEventAndMayAct) {
  int events = 0;
  const auto service = make_service(network_, "10.0.0.1:80", [&](SimPeer& peer) {
    peer.on_event([&](SimPeer& self) {
      ++events;
      if (self.received().size() >= 5) self.reset();
    });
  });
  const auto client = make_client(network_, service->address());
  client->send(stream(1, 10));
  settle();
  EXPECT_GT(events, 0);
  EXPECT_TRUE(client->was_reset());
}

}  // namespace
}  // namespace backends
