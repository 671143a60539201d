#include "backends/io_uring/uring_door.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "backends/io_uring/token.h"
#include "backends/socket/listener_socket.h"
#include "backends/socket/socket_options.h"
#include "base/assert.h"
#include "tests/backends/io_uring/uring_fixture.h"

namespace backends::io_uring {
namespace {

constexpr base::SlotId kListener{.slot = 5, .generation = 6};

class UringDoorTest : public UringTest {
 protected:
  static constexpr int kBacklog = 64;
  static constexpr std::size_t kPlenty = 1000;

  void SetUp() override {
    UringTest::SetUp();
    if (IsSkipped()) return;
    ring_ = *Ring::open();
    door_ = std::make_unique<UringDoor>(*ring_, stats_, kPlenty);
    listener_ =
        *socket::open_listener({.address = base::parse_address("127.0.0.1:0").value(), .tcp = {}});
    open();
  }

  void open() { ASSERT_TRUE(door_->open(kListener, listener_.get(), false, kBacklog)); }
  void close() { door_->close(kListener, listener_.get()); }
  void connect_clients(std::size_t count) {
    const base::RawAddress raw = base::to_raw(socket::local_of(listener_.get()));
    for (std::size_t i = 0; i < count; ++i) {
      clients_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      CHECK(::connect(clients_.back().get(), raw.get(), raw.size) == 0);
    }
  }
  // What a transport does with completions of accepts.
  void look() {
    ring_->collect();
    ring_->drain([this](const io_uring_cqe& completion) {
      const Token token = Token::unpack(completion.user_data);
      const bool more = (completion.flags & IORING_CQE_F_MORE) != 0;
      if (token.op == Op::kAccept) door_->on_accept(token.id, completion.res, more);
      if (token.op == Op::kKnock) door_->on_knock(token.id, completion.res, more);
    });
  }
  base::Errno next() {
    const auto client = door_->next(kListener, listener_.get());
    if (!client) return client.error();
    accepted_.emplace_back(*client);
    return base::Errno::kNone;
  }
  // Asks for at most so many; how many came.
  std::size_t take(std::size_t most) {
    std::size_t taken = 0;
    while (taken < most && next() == base::Errno::kNone) ++taken;
    return taken;
  }
  bool told() {
    const auto waiting = door_->waiting();
    return waiting.size() == 1 && waiting[0] == kListener;
  }

  TransportStats stats_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<UringDoor> door_;
  base::UniqueFd listener_;
  std::vector<base::UniqueFd> clients_;
  std::vector<base::UniqueFd> accepted_;
};

TEST_F(UringDoorTest, BringsClientsByOneRequestForAllOfThem) {
  look();
  EXPECT_FALSE(door_->has_waiting());
  connect_clients(3);
  look();
  EXPECT_TRUE(door_->has_waiting());
  EXPECT_TRUE(told());
  EXPECT_EQ(take(1000), 3U);
  EXPECT_EQ(next(), base::to_errno(EAGAIN));
  door_->after_burst(kListener);
  connect_clients(1);
  look();
  EXPECT_TRUE(told());
  EXPECT_EQ(take(1000), 1U);
  EXPECT_EQ(ring_->counts().submissions, 1U);
  EXPECT_EQ(stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)], 0U);
}

// Two workers at one queue: a client wakes both, and whoever comes second finds nobody.
TEST_F(UringDoorTest, AQueueThatIsSharedTellsEveryDoorAndBringsNobodyByItself) {
  close();
  look();
  const auto other_ring = *Ring::open();
  UringDoor other(*other_ring, stats_, kPlenty);
  ASSERT_TRUE(other.open(kListener, listener_.get(), true, kBacklog));
  ASSERT_TRUE(door_->open(kListener, listener_.get(), true, kBacklog));
  look();
  other_ring->collect();
  connect_clients(1);
  look();
  other_ring->collect();
  other_ring->drain([&](const io_uring_cqe& completion) {
    EXPECT_EQ(Token::unpack(completion.user_data).op, Op::kKnock);
    other.on_knock(kListener, completion.res, (completion.flags & IORING_CQE_F_MORE) != 0);
  });
  EXPECT_TRUE(told());
  EXPECT_EQ(other.waiting().size(), 1U);
  EXPECT_EQ(take(1000), 1U);
  EXPECT_EQ(other.next(kListener, listener_.get()).error(), base::to_errno(EAGAIN));
  other.close_all();
}

TEST_F(UringDoorTest, ClientsBeyondABurstWaitTheirTurn) {
  connect_clients(socket::kAcceptBurst + 3);
  look();
  EXPECT_TRUE(told());
  EXPECT_FALSE(told()) << "once for each burst";
  EXPECT_EQ(take(socket::kAcceptBurst), socket::kAcceptBurst);
  door_->after_burst(kListener);
  EXPECT_TRUE(told());
  EXPECT_EQ(take(socket::kAcceptBurst), 3U);
  door_->after_burst(kListener);
  EXPECT_FALSE(told());
}

TEST_F(UringDoorTest, AClosedDoorKeepsWhoHasArrivedForLater) {
  connect_clients(2);
  look();
  EXPECT_TRUE(told());
  close();
  look();
  EXPECT_EQ(door_->armed(), 0U);
  EXPECT_EQ(stats_.cancellations, 1U);
  connect_clients(1);
  look();
  EXPECT_FALSE(told());
  open();
  EXPECT_TRUE(told()) << "two were there already";
  look();
  EXPECT_EQ(take(1000), 3U);
}

TEST_F(UringDoorTest, ADoorThatIsClosedTellsOfNobody) {
  connect_clients(2);
  look();
  ASSERT_TRUE(door_->has_waiting());
  close();
  EXPECT_FALSE(told());
}

TEST_F(UringDoorTest, ADoorThatOpensAgainBeforeItsAcceptHasEndedGoesOn) {
  look();
  close();
  open();
  EXPECT_EQ(door_->armed(), 1U);
  look();  // The first accept ends.
  EXPECT_EQ(door_->armed(), 0U);
  ASSERT_TRUE(told());
  EXPECT_EQ(next(), base::to_errno(EAGAIN));
  door_->after_burst(kListener);
  EXPECT_EQ(door_->armed(), 1U);
  connect_clients(1);
  look();
  EXPECT_TRUE(told());
  EXPECT_EQ(take(1000), 1U);
}

TEST_F(UringDoorTest, ADrainedListenerHasWhoArrivedAndWhoIsInTheKernelsQueue) {
  connect_clients(2);
  look();
  close();
  EXPECT_EQ(take(2), 2U);
  EXPECT_EQ(next(), base::to_errno(EINPROGRESS)) << "more may come by the accept";
  look();
  EXPECT_EQ(next(), base::to_errno(EAGAIN));
  connect_clients(1);
  EXPECT_EQ(next(), base::Errno::kNone);
  EXPECT_EQ(stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)], 2U);
}

TEST_F(UringDoorTest, AnErrorHasItsTurnLikeAClient) {
  connect_clients(1);
  look();
  door_->on_accept(kListener, -EMFILE, false);
  EXPECT_EQ(next(), base::Errno::kNone);
  EXPECT_EQ(next(), base::to_errno(EMFILE));
  EXPECT_EQ(next(), base::to_errno(EAGAIN));
  EXPECT_EQ(door_->armed(), 0U);
  door_->after_burst(kListener);
  EXPECT_EQ(door_->armed(), 1U) << "asked for again";
}

TEST_F(UringDoorTest, TheNextListenerInAPlaceFindsNothingOfTheOneBefore) {
  close();
  look();
  const base::SlotId next_listener{.slot = kListener.slot, .generation = kListener.generation + 1};
  ASSERT_TRUE(door_->open(next_listener, listener_.get(), false, kBacklog));
  EXPECT_EQ(door_->armed(), 1U);
  connect_clients(1);
  look();
  const auto waiting = door_->waiting();
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0], next_listener);
}

TEST_F(UringDoorTest, AllAreTakenBackAtTheEndAndWhoWasNotTakenIsClosed) {
  connect_clients(1);
  look();
  door_->close_all();
  look();
  EXPECT_EQ(door_->armed(), 0U);
  pollfd end{.fd = clients_[0].get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&end, 1, 0), 0);
  door_.reset();
  EXPECT_EQ(::poll(&end, 1, 5000), 1);
}

TEST_F(UringDoorTest, WithLittleRoomNobodyIsAcceptedWhoWasNotAskedFor) {
  look();
  door_->set_room(kBacklog - 1);
  look();
  connect_clients(5);
  look();
  EXPECT_TRUE(told());
  EXPECT_EQ(stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)], 0U);
  EXPECT_EQ(take(2), 2U);
  EXPECT_EQ(stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)], 2U);
  door_->after_burst(kListener);
  EXPECT_TRUE(told()) << "who was left in the queue is not forgotten";
  EXPECT_EQ(take(1000), 3U);
  door_->after_burst(kListener);
  EXPECT_FALSE(told());
  connect_clients(1);
  look();
  EXPECT_TRUE(told());
  EXPECT_EQ(take(1000), 1U);
}

TEST_F(UringDoorTest, WithPlentyOfRoomAgainTheKernelAcceptsAgain) {
  look();
  door_->set_room(kBacklog - 1);
  look();
  door_->set_room(kBacklog);
  look();
  connect_clients(1);
  look();
  EXPECT_TRUE(told());
  EXPECT_EQ(take(1000), 1U);
  door_->after_burst(kListener);
  const std::uint64_t calls = stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)];
  EXPECT_GE(calls, 1U) << "just enough is not plenty yet";
  door_->set_room(kPlenty);
  look();
  connect_clients(3);
  look();
  EXPECT_TRUE(told());
  EXPECT_EQ(take(1000), 3U);
  EXPECT_EQ(stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)], calls);
  EXPECT_EQ(door_->armed(), 1U);
}

TEST_F(UringDoorTest, ADoorThatOpensWithoutRoomForItsQueueIsPolledFromTheStart) {
  door_ = std::make_unique<UringDoor>(*ring_, stats_, kBacklog - 1);
  connect_clients(3);
  open();
  look();
  EXPECT_TRUE(told());
  EXPECT_EQ(stats_.syscalls[static_cast<std::size_t>(Syscall::kAccept)], 0U);
  EXPECT_EQ(take(1000), 3U);
}

}  // namespace
}  // namespace backends::io_uring
