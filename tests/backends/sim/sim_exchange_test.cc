#include "backends/sim/sim_exchange.h"

#include <gtest/gtest.h>

#include "tests/backends/sim/sim_fixture.h"

// What exchange() promises is in contract_exchange_test.cc, over every engine. Here: the faults.
namespace backends {
namespace {

constexpr Tag kTag{.kind = 1, .id = {.slot = 9, .generation = 9}};

class Owner final : public SimOwner {
 public:
  void socket_ready(std::uint64_t) override { ready = true; }
  void listener_ready(std::uint64_t) override {}
  bool ready = false;
};

class SimExchangeTest : public testing::Test {
 protected:
  SimExchangeTest() {
    SimConnect connect;
    connect.remote = service_->address();
    socket_ = network_.connect(connect, owner_, 0).value();
    while (network_.step()) {
    }
  }

  std::optional<Event> run(const SimFaults& faults) { return exchanges_.run(1, socket_, faults); }

  SimNetwork network_{{}};
  std::unique_ptr<SimService> service_ =
      make_service(network_, "127.0.0.1:80", [](SimPeer& peer) { peer.echo(); });
  Owner owner_;
  SimSocketId socket_;
  TransportStats stats_;
  SimExchanges exchanges_{network_, stats_};
};

TEST_F(SimExchangeTest, ShortWritesAndReadsStillMakeAWholeAnswer) {
  SimFaults faults;
  faults.short_read = faults.short_write = 1000;
  const auto request = stream(1, 500);
  exchanges_.begin(1, request, 0, kTag);
  ASSERT_TRUE(run(faults).has_value());
  EXPECT_GT(stats_.syscalls[static_cast<std::size_t>(Syscall::kSend)], 1U);
  while (network_.step()) {
  }
  int questions = 0;
  while (exchanges_.reply(1).size() < request.size()) {
    exchanges_.begin(1, {}, kExchangeMax, kTag);
    const auto event = run(faults);
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->error, base::Errno::kNone);
    ++questions;
  }
  EXPECT_GT(questions, 1);
  EXPECT_TRUE(std::ranges::equal(exchanges_.reply(1), request));
}

TEST_F(SimExchangeTest, ForgetsWithTheConnection) {
  exchanges_.begin(1, stream(1, 5), 8, kTag);
  EXPECT_TRUE(exchanges_.knows(1));
  exchanges_.forget(1);
  EXPECT_FALSE(exchanges_.knows(1));
  EXPECT_FALSE(run({}).has_value());
  EXPECT_TRUE(exchanges_.reply(1).empty());
}

}  // namespace
}  // namespace backends
