#include "backends/socket/socket_connection.h"

#include <gtest/gtest.h>

namespace backends::socket {
namespace {

TEST(SocketConnection, RemembersWhatTheKernelSaid) {
  SocketConnection connection;
  connection.writable = false;
  connection.note(kCanWrite);
  EXPECT_TRUE(connection.writable);
  EXPECT_FALSE(connection.readable);
  connection.note(kCanRead);
  EXPECT_TRUE(connection.readable);
  EXPECT_FALSE(connection.read_to_end) << "a short read empties the socket";
  connection.note(kUrgent);
  EXPECT_TRUE(connection.urgent);
  EXPECT_TRUE(connection.read_to_end);
}

TEST(SocketConnection, AfterAnEndItIsReadToTheEnd) {
  for (const Readiness end : {kSaidEnd, kHungUp, kHasError}) {
    SocketConnection connection;
    connection.note(end);
    EXPECT_TRUE(connection.readable && connection.read_to_end) << end;
  }
}

TEST(SocketConnection, TheFirstLossCounts) {
  SocketConnection connection;
  connection.lose(base::to_errno(ETIMEDOUT));
  connection.lose(base::to_errno(ECONNRESET));
  EXPECT_EQ(connection.lost, base::to_errno(ETIMEDOUT));
  SocketConnection reset;
  reset.lose(base::to_errno(EPIPE));
  EXPECT_EQ(reset.lost, base::to_errno(ECONNRESET)) << "EPIPE by its proper name";
}

TEST(Id, IsNeverTheEmptyOneAndComesBack) {
  const base::SlotId slot{.slot = 0, .generation = 1};
  EXPECT_NE(to_id<ConnId>(slot), ConnId::kNone);
  EXPECT_EQ(to_slot(to_id<ConnId>(slot)), slot);
  EXPECT_EQ(to_slot(ConnId::kNone), base::SlotId{});
}

}  // namespace
}  // namespace backends::socket
