#include "backends/socket/held_buffers.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace backends::socket {
namespace {

TEST(HeldBuffers, AKeptBufferHasItsBytesAndTheWorkerGetsAnother) {
  HeldBuffers buffers;
  buffers.working()[0] = std::byte{42};
  const Buffer* before = &buffers.working();
  const std::unique_ptr<Buffer> kept = buffers.keep_working();
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept.get(), before);
  EXPECT_EQ((*kept)[0], std::byte{42});
  EXPECT_NE(&buffers.working(), kept.get());
}

TEST(HeldBuffers, ABufferGivenBackIsTheNextToBeUsed) {
  HeldBuffers buffers;
  std::unique_ptr<Buffer> kept = buffers.keep_working();
  const Buffer* expected = kept.get();
  buffers.give_back(std::move(kept));
  const std::unique_ptr<Buffer> other = buffers.keep_working();
  EXPECT_EQ(&buffers.working(), expected);
}

TEST(HeldBuffers, ManyCanBeKeptAtOnceAndGivenBack) {
  constexpr std::size_t kMany = 100;
  HeldBuffers buffers;
  std::vector<std::unique_ptr<Buffer>> kept;
  for (std::size_t i = 0; i < kMany; ++i) {
    buffers.working()[0] = static_cast<std::byte>(i);
    kept.push_back(buffers.keep_working());
  }
  for (std::size_t i = 0; i < kMany; ++i) {
    EXPECT_EQ((*kept[i])[0], static_cast<std::byte>(i));
    buffers.give_back(std::move(kept[i]));
  }
}

}  // namespace
}  // namespace backends::socket
