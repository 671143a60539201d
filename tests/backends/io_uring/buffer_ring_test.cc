#include "backends/io_uring/buffer_ring.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "tests/backends/io_uring/uring_fixture.h"

namespace backends::io_uring {
namespace {

// One receiving end of a pair of sockets, asked for bytes in lent buffers.
class BufferRingTest : public UringTest {
 protected:
  void SetUp() override {
    UringTest::SetUp();
    if (IsSkipped()) return;
    ring_ = *Ring::open();
    buffers_ = *BufferRing::open(*ring_, kBuffersBytesMin);
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    sender_ = base::UniqueFd(ends[0]);
    receiver_ = base::UniqueFd(ends[1]);
  }

  void send(const std::string& bytes) {
    ASSERT_EQ(::send(sender_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  // One receive; its completion.
  io_uring_cqe receive() {
    io_uring_sqe& request = ring_->request();
    io_uring_prep_recv(&request, receiver_.get(), nullptr, 0, 0);
    request.flags = IOSQE_BUFFER_SELECT;
    request.buf_group = kBufferGroup;
    ring_->wait(base::kForever);
    // In a vector, because its flexible member lets no lambda capture one.
    std::vector<io_uring_cqe> received;
    ring_->drain([&](const io_uring_cqe& completion) { received.push_back(completion); });
    return received.at(0);
  }
  // Receives, and notes the buffer as filled.
  BufferId receive_filled() {
    const io_uring_cqe received = receive();
    EXPECT_GT(received.res, 0);
    EXPECT_NE(received.flags & IORING_CQE_F_BUFFER, 0U);
    const auto id = static_cast<BufferId>(received.flags >> IORING_CQE_BUFFER_SHIFT);
    buffers_->note_filled(id, static_cast<std::size_t>(received.res));
    return id;
  }
  std::string text(BufferId id) const {
    const auto bytes = buffers_->filled(id);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::unique_ptr<BufferRing> buffers_;  // Outlives the ring.
  std::unique_ptr<Ring> ring_;
  base::UniqueFd sender_;
  base::UniqueFd receiver_;
};

TEST_F(BufferRingTest, HasAPowerOfTwoOfBuffersWithinItsBounds) {
  const std::pair<std::size_t, std::size_t> cases[] = {
      {0, kBuffersBytesDefault / kReceiveBytes},
      {1, kBuffersBytesMin / kReceiveBytes},
      {kBuffersBytesMin, kBuffersBytesMin / kReceiveBytes},
      {2 * kBuffersBytesMin - 1, kBuffersBytesMin / kReceiveBytes},
      {2 * kBuffersBytesMin, 2 * kBuffersBytesMin / kReceiveBytes},
      {3 * kBuffersBytesMin, 2 * kBuffersBytesMin / kReceiveBytes},
      {kBuffersBytesMax, kBuffersBytesMax / kReceiveBytes},
      {std::size_t{1} << 40U, kBuffersBytesMax / kReceiveBytes},
  };
  for (const auto& [bytes, count] : cases) {
    const auto ring = *Ring::open();
    const auto buffers = BufferRing::open(*ring, bytes);
    ASSERT_TRUE(buffers) << bytes;
    EXPECT_EQ((*buffers)->count(), count) << bytes;
    EXPECT_EQ((*buffers)->in_use(), 0U) << bytes;
  }
}

TEST_F(BufferRingTest, OneRingOfRequestsHasOneRingOfBuffers) {
  const auto second = BufferRing::open(*ring_, 0);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), base::to_errno(EEXIST));
}

TEST_F(BufferRingTest, BytesComeInABufferThatIsInUseUntilItIsGivenBack) {
  send("hello");
  const BufferId id = receive_filled();
  EXPECT_EQ(text(id), "hello");
  EXPECT_EQ(buffers_->in_use(), 1U);
  buffers_->give_back(id);
  EXPECT_EQ(buffers_->in_use(), 0U);
}

TEST_F(BufferRingTest, ABufferTakesSoManyBytesAndNoneOfItsNeighbours) {
  std::string sent;
  for (std::size_t i = 0; i < 2 * kReceiveBytes; ++i) sent += static_cast<char>('a' + i % 23);
  send(sent);
  const BufferId first = receive_filled();
  const BufferId second = receive_filled();
  EXPECT_NE(first, second);
  EXPECT_EQ(buffers_->filled(first).size(), kReceiveBytes);
  EXPECT_EQ(text(first) + text(second), sent);
}

TEST_F(BufferRingTest, WhenAllAreTakenAReceiveFindsNoneUntilSomeArePublished) {
  send(std::string((buffers_->count() + 1) * kReceiveBytes, 'x'));
  BufferId last = 0;
  for (std::size_t i = 0; i < buffers_->count(); ++i) last = receive_filled();
  EXPECT_EQ(buffers_->in_use(), buffers_->count());
  EXPECT_EQ(receive().res, -ENOBUFS);
  buffers_->give_back(last);
  EXPECT_EQ(receive().res, -ENOBUFS) << "given back, but not published";
  buffers_->publish();
  EXPECT_EQ(receive_filled(), last);
}

TEST_F(BufferRingTest, EachBufferComesBackMoreOftenThanTheRingIsLong) {
  for (std::size_t i = 0; i < 3 * buffers_->count(); ++i) {
    send(std::to_string(i));
    const BufferId id = receive_filled();
    ASSERT_EQ(text(id), std::to_string(i));
    buffers_->give_back(id);
    buffers_->publish();
  }
}

TEST_F(BufferRingTest, FilledBuffersMakeAChain) {
  buffers_->link(3, 9);
  buffers_->link(9, 1);
  EXPECT_EQ(buffers_->next(3), 9U);
  EXPECT_EQ(buffers_->next(buffers_->next(3)), 1U);
}

}  // namespace
}  // namespace backends::io_uring
