// backends::Connection, the owning handle: what it does to its transport.
#include "backends/transport.h"

#include <utility>

#include "tests/backends/contract_fixture.h"

namespace contract {
namespace {

using backends::CloseMode;
using backends::Connection;

// Over every engine, like the contract: the handle is part of it.
class ConnectionHandle : public Contract {
 protected:
  Connection connect_one() { return connect(service().address(), next_tag(kConnectTag)); }
  std::uint64_t open() { return transport().stats().connections; }
};

TEST_P(ConnectionHandle, ClosesItsConnectionWhenItGoes) {
  {
    const Connection connection = connect_one();
    EXPECT_TRUE(connection);
    EXPECT_EQ(open(), 1U);
  }
  EXPECT_EQ(open(), 0U);
}

TEST_P(ConnectionHandle, AMovedHandleIsEmptyAndTheConnectionStays) {
  Connection first = connect_one();
  const backends::ConnId id = first.id();
  const Connection second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is the promise.
  EXPECT_EQ(second.id(), id);
  EXPECT_EQ(open(), 1U);
}

TEST_P(ConnectionHandle, AssigningClosesWhatWasHeld) {
  Connection connection = connect_one();
  Connection other = connect_one();
  EXPECT_EQ(open(), 2U);
  connection = std::move(other);
  EXPECT_EQ(open(), 1U);
  EXPECT_TRUE(connection);
}

TEST_P(ConnectionHandle, ClosingTwiceClosesOnce) {
  Connection connection = connect_one();
  connection.close(CloseMode::kGraceful);
  EXPECT_FALSE(connection);
  connection.close(CloseMode::kGraceful);
  EXPECT_EQ(open(), 0U);
}

TEST_P(ConnectionHandle, AReleasedConnectionIsSomebodyElsesBusiness) {
  Connection connection = connect_one();
  const backends::ConnId id = connection.release();
  EXPECT_FALSE(connection);
  EXPECT_EQ(open(), 1U);
  transport().close(id, CloseMode::kReset);
  EXPECT_EQ(open(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Engines, ConnectionHandle, testing::ValuesIn(harnesses()), harness_name);

TEST(PathFacts, ManyRetransmitsStopAtTheLargestNumberOfAnEvent) {
  backends::Event event{.kind = backends::EventKind::kRelayDone, .tag = {}};
  backends::PathFacts{.rtt_us = 7, .retransmits = 70'000}.write_to(event);
  EXPECT_EQ(event.rtt_us, 7U);
  EXPECT_EQ(event.retransmits, 65'535U);
}

}  // namespace
}  // namespace contract
