#include "backends/socket/exchanges.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/fd.h"

// What exchange() promises is in contract_exchange_test.cc, over every engine. Here: when this one
// asks the kernel, and what it remembers of the answer.
namespace backends::socket {
namespace {

constexpr base::SlotId kId{.slot = 3, .generation = 1};
constexpr Tag kTag{.kind = 1, .id = {.slot = 9, .generation = 9}};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class ExchangesTest : public testing::Test {
 protected:
  ExchangesTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
    near_ = base::UniqueFd(ends[0]);
    far_ = base::UniqueFd(ends[1]);
    connection_.fd = near_.get();
  }

  std::uint64_t calls(Syscall call) const {
    return stats_.syscalls[static_cast<std::size_t>(call)];
  }

  base::UniqueFd near_;
  base::UniqueFd far_;
  SocketConnection connection_;
  TransportStats stats_;
  Exchanges exchanges_{stats_};
  std::vector<Event> events_;
};

TEST_F(ExchangesTest, NothingIsSentBeforeItIsRun) {
  exchanges_.begin(kId, bytes_of("x"), 0, kTag);
  EXPECT_EQ(calls(Syscall::kSend), 0U);
  const auto started = exchanges_.take_started();
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(started[0], kId);
  EXPECT_TRUE(exchanges_.take_started().empty());
  exchanges_.run(kId, connection_, events_);
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].tag, kTag);
}

TEST_F(ExchangesTest, AsksTheKernelOnlyWhereItSaidThereIsSomething) {
  exchanges_.begin(kId, bytes_of("x"), 8, kTag);
  exchanges_.run(kId, connection_, events_);
  EXPECT_EQ(calls(Syscall::kReceive), 0U);
  ASSERT_EQ(::send(far_.get(), "yes", 3, MSG_NOSIGNAL), 3);
  connection_.readable = true;
  exchanges_.run(kId, connection_, events_);
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(exchanges_.reply(kId).size(), 3U);
  EXPECT_FALSE(connection_.readable) << "a short read has emptied the socket";
}

TEST_F(ExchangesTest, NotesTheLossInTheConnection) {
  far_.close();
  exchanges_.begin(kId, bytes_of("x"), 8, kTag);
  exchanges_.run(kId, connection_, events_);
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].error, base::to_errno(ECONNRESET)) << "EPIPE by its proper name";
  EXPECT_EQ(connection_.lost, base::to_errno(ECONNRESET));
}

TEST_F(ExchangesTest, ForgetsWithTheConnection) {
  exchanges_.begin(kId, bytes_of("x"), 8, kTag);
  exchanges_.forget(kId);
  exchanges_.run(kId, connection_, events_);
  EXPECT_TRUE(events_.empty());
  EXPECT_TRUE(exchanges_.reply(kId).empty());
}

}  // namespace
}  // namespace backends::socket
