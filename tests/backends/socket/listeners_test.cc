#include "backends/socket/listeners.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "backends/epoll/epoll_door.h"
#include "backends/socket/listener_socket.h"
#include "backends/socket/socket_connection.h"
#include "backends/socket/socket_options.h"
#include "base/assert.h"

namespace backends::socket {
namespace {

constexpr base::Nanos kStart = std::chrono::hours(1);

class ListenersTest : public testing::Test {
 protected:
  ListenerId listen() {
    return listeners_.listen({.address = base::parse_address("127.0.0.1:0").value(), .tcp = {}}, {})
        .value();
  }

  void connect_clients(ListenerId id, int count) {
    connect_clients_at(listeners_.local(id), count);
  }

  void connect_clients_at(const base::Address& address, int count) {
    const base::RawAddress raw = base::to_raw(address);
    for (int i = 0; i < count; ++i) {
      clients_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      CHECK(::connect(clients_.back().get(), raw.get(), raw.size) == 0);
    }
  }

  std::size_t accept(ListenerId id, std::size_t room, base::Nanos now = kStart) {
    const auto accepted = listeners_.accept(to_slot(id), room, now, events_);
    for (std::size_t i = 0; i < accepted.count; ++i) clients_.emplace_back(accepted.fds[i]);
    return accepted.count;
  }

  bool reported_by_kernel() const {
    epoll_event event{};
    return ::epoll_wait(epoll_fd_.get(), &event, 1, 0) == 1;
  }

  std::size_t count(EventKind kind) const {
    return static_cast<std::size_t>(std::ranges::count(events_, kind, &Event::kind));
  }

  base::UniqueFd epoll_fd_{::epoll_create1(EPOLL_CLOEXEC)};
  Claims claims_;
  TransportStats stats_;
  epoll::EpollDoor door_{epoll_fd_.get(), stats_};
  Listeners listeners_{claims_, door_, stats_};
  std::vector<Event> events_;
  std::vector<base::UniqueFd> clients_;
};

TEST_F(ListenersTest, ABurstIsBoundedAndTheRestIsReportedAgain) {
  const ListenerId id = listen();
  connect_clients(id, static_cast<int>(kAcceptBurst) + 3);
  EXPECT_EQ(accept(id, 1000), kAcceptBurst);
  EXPECT_TRUE(reported_by_kernel());
  EXPECT_EQ(accept(id, 1000), 3U);
  EXPECT_FALSE(reported_by_kernel());
}

// Two sockets at one address for a single worker: one id, and each event concerns one of them.
TEST_F(ListenersTest, SeveralAdoptedSocketsAreOneListener) {
  base::UniqueFd first =
      open_listener({.address = base::parse_address("127.0.0.1:0").value(), .tcp = {}}).value();
  const ListenSpec spec{.address = local_of(first.get()), .tcp = {}};
  base::UniqueFd second = open_listener(spec).value();
  base::InheritedSockets inherited;
  for (base::UniqueFd* fd : {&first, &second}) {
    inherited.add(base::UniqueFd(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 0)), "web.socket");
  }
  claims_.adopt(inherited, 1);
  ASSERT_TRUE(claims_.claim(spec));
  const ListenerId id = listeners_.listen(spec, {}).value();
  constexpr int kClients = 64;  // The kernel spreads them: none for one socket in 2^63.
  connect_clients(id, kClients);
  std::array<epoll_event, 4> events{};
  ASSERT_EQ(::epoll_wait(epoll_fd_.get(), events.data(), events.size(), 0), 2);
  listeners_.pause(id, true);
  EXPECT_FALSE(reported_by_kernel());
  listeners_.pause(id, false);
  std::size_t accepted = 0;
  for (int turn = 0; turn < kClients && reported_by_kernel(); ++turn) {
    epoll_event event{};
    ASSERT_EQ(::epoll_wait(epoll_fd_.get(), &event, 1, 0), 1);
    const auto some =
        listeners_.accept(epoll::Token::unpack(event.data.u64).id, 1000, kStart, events_);
    for (std::size_t i = 0; i < some.count; ++i) clients_.emplace_back(some.fds[i]);
    accepted += some.count;
  }
  EXPECT_EQ(accepted, std::size_t{kClients});
  listeners_.unlisten(id);
  ASSERT_EQ(listeners_.draining().size(), 2U);
  const std::vector<base::SlotId> draining(listeners_.draining().begin(),
                                           listeners_.draining().end());
  for (const base::SlotId each : draining) {
    static_cast<void>(listeners_.accept(each, 1000, kStart, events_));
  }
  EXPECT_TRUE(listeners_.draining().empty());
  connect_clients_at(spec.address, 1);  // The service manager's own descriptors go on listening.
}

TEST_F(ListenersTest, APausedListenerIsNotReported) {
  const ListenerId id = listen();
  connect_clients(id, 1);
  EXPECT_TRUE(reported_by_kernel());
  listeners_.pause(id, true);
  EXPECT_FALSE(reported_by_kernel());
  listeners_.pause(id, false);
  EXPECT_TRUE(reported_by_kernel());
}

TEST_F(ListenersTest, WithoutRoomAllStopOnceAndResumeWhenAConnectionCloses) {
  const ListenerId first = listen();
  const ListenerId second = listen();
  connect_clients(first, 2);
  EXPECT_EQ(accept(first, 0), 0U);
  EXPECT_EQ(count(EventKind::kAcceptFailed), 2U) << "one for each listener";
  EXPECT_EQ(accept(second, 0), 0U);
  EXPECT_EQ(count(EventKind::kAcceptFailed), 2U) << "once for each stop";
  EXPECT_FALSE(reported_by_kernel());

  const base::Nanos later = kStart + std::chrono::hours(1);
  listeners_.resume_if_possible(true, later, events_);
  EXPECT_EQ(count(EventKind::kAcceptResumed), 0U) << "no connection was closed";
  EXPECT_EQ(listeners_.wait_limit(true, later), base::kForever);
  listeners_.connection_closed();
  listeners_.resume_if_possible(false, later, events_);
  EXPECT_EQ(count(EventKind::kAcceptResumed), 0U) << "still no room";
  listeners_.resume_if_possible(true, later, events_);
  EXPECT_EQ(count(EventKind::kAcceptResumed), 2U);
  EXPECT_TRUE(reported_by_kernel());
}

TEST_F(ListenersTest, AResumeWaitsAMomentSoThatEventsDoNotFlood) {
  const ListenerId id = listen();
  accept(id, 0);
  listeners_.connection_closed();
  listeners_.resume_if_possible(true, kStart, events_);
  EXPECT_EQ(count(EventKind::kAcceptResumed), 0U);
  const base::Nanos wait = listeners_.wait_limit(true, kStart);
  EXPECT_GT(wait, base::Nanos{0});
  EXPECT_LT(wait, std::chrono::seconds(1));
  listeners_.resume_if_possible(true, kStart + wait, events_);
  EXPECT_EQ(count(EventKind::kAcceptResumed), 1U);
}

TEST_F(ListenersTest, AListenerPausedDuringAStopStaysPaused) {
  const ListenerId id = listen();
  connect_clients(id, 1);
  accept(id, 0);
  listeners_.pause(id, true);
  listeners_.connection_closed();
  listeners_.resume_if_possible(true, kStart + std::chrono::seconds(1), events_);
  EXPECT_FALSE(reported_by_kernel());
  listeners_.pause(id, false);
  EXPECT_TRUE(reported_by_kernel());
}

TEST_F(ListenersTest, ADrainedListenerGoesWhenItsQueueIsEmpty) {
  const ListenerId id = listen();
  connect_clients(id, 2);
  listeners_.unlisten(id);
  EXPECT_EQ(listeners_.draining().size(), 1U);
  EXPECT_EQ(listeners_.wait_limit(true, kStart), base::Nanos{0});
  EXPECT_EQ(accept(id, 1000), 2U);
  EXPECT_TRUE(listeners_.draining().empty());
  EXPECT_FALSE(listeners_.knows(to_slot(id)));
}

}  // namespace
}  // namespace backends::socket
