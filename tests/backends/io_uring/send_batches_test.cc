#include "backends/io_uring/send_batches.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/backends/io_uring/uring_fixture.h"

namespace backends::io_uring {
namespace {

class SendBatchesTest : public UringTest {
 protected:
  void SetUp() override {
    UringTest::SetUp();
    if (IsSkipped()) return;
    ring_ = *Ring::open();
    buffers_ = *BufferRing::open(*ring_, kBuffersBytesMin);
  }

  // As if the kernel had filled it.
  void fill(BufferId id, const std::string& text) {
    buffers_->note_filled(id, text.size());
    std::memcpy(const_cast<std::byte*>(buffers_->filled(id).data()), text.data(), text.size());
  }
  static std::string text_of(const msghdr& message) {
    std::string text;
    for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
      text.append(static_cast<const char*>(message.msg_iov[i].iov_base),
                  message.msg_iov[i].iov_len);
    }
    return text;
  }

  std::unique_ptr<BufferRing> buffers_;  // Outlives the ring.
  std::unique_ptr<Ring> ring_;
};

TEST_F(SendBatchesTest, AMessageHasTheBytesOfAChainInOrder) {
  SendBatches batches(buffers_->count());
  fill(5, "first ");
  fill(2, "second ");
  fill(9, "third");
  buffers_->link(5, 2);
  buffers_->link(2, 9);
  const Batch batch{.relay = {}, .first = 5, .last = 9, .buffers = 3};
  EXPECT_EQ(text_of(batches.message(batch, *buffers_)), "first second third");
}

// The kernel reads a message when the requests are handed over, after all of them were made.
TEST_F(SendBatchesTest, MessagesStayInTheirPlaceWhileOthersAreMade) {
  const std::size_t count = buffers_->count();
  SendBatches batches(count);
  std::vector<const msghdr*> messages;
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<BufferId>(i);
    fill(id, std::to_string(i));
    const Batch batch{.relay = {}, .first = id, .last = id, .buffers = 1};
    messages.push_back(&batches.message(batch, *buffers_));
  }
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(text_of(*messages[i]), std::to_string(i));
}

TEST_F(SendBatchesTest, ATurnSendsWhatWasFilledAndBeginsAnew) {
  SendBatches batches(buffers_->count());
  batches.filling().push_back({.relay = {.slot = 7, .generation = 1}});
  batches.turn();
  EXPECT_TRUE(batches.filling().empty());
  ASSERT_EQ(batches.sending().size(), 1U);
  EXPECT_EQ(batches.sending()[0].relay.slot, 7U);
  batches.sending().clear();
  batches.turn();
  EXPECT_TRUE(batches.sending().empty());
}

}  // namespace
}  // namespace backends::io_uring
