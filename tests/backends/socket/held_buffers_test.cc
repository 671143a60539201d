#include "backends/socket/held_buffers.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace backends::socket {
namespace {

TEST(HeldBuffers, AKeptBufferHasItsBytesAndTheWorkerGetsAnother) {
  HeldBuffers buffers;
  buffers.working()[0] = std::byte{42};
  const auto* before = &buffers.working();
  const std::unique_ptr<Buffer> kept = buffers.keep_working(0, 1);
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(&kept->bytes, before);
  EXPECT_EQ(kept->unsent().size(), 1U);
  EXPECT_EQ(kept->bytes[0], std::byte{42});
  EXPECT_NE(&buffers.working(), &kept->bytes);
}

TEST(HeldBuffers, ABufferGivenBackIsTheNextToBeUsed) {
  HeldBuffers buffers;
  std::unique_ptr<Buffer> kept = buffers.keep_working(0, 1);
  const auto* expected = &kept->bytes;
  buffers.give_back(std::move(kept));
  const std::unique_ptr<Buffer> other = buffers.keep_working(0, 1);
  EXPECT_EQ(&buffers.working(), expected);
}

TEST(HeldBuffers, ManyCanBeKeptAtOnceAndGivenBack) {
  constexpr std::size_t kMany = 100;
  HeldBuffers buffers;
  std::vector<std::unique_ptr<Buffer>> kept;
  for (std::size_t i = 0; i < kMany; ++i) {
    buffers.working()[0] = static_cast<std::byte>(i);
    kept.push_back(buffers.keep_working(0, 1));
  }
  for (std::size_t i = 0; i < kMany; ++i) {
    EXPECT_EQ(kept[i]->bytes[0], static_cast<std::byte>(i));
    buffers.give_back(std::move(kept[i]));
  }
}

TEST(HeldBuffers, BytesThatAreAppendedFollowEachOtherOverBuffers) {
  constexpr std::size_t kPiece = 40'000;
  HeldBuffers buffers;
  std::unique_ptr<Buffer> kept;
  std::vector<std::byte> sent;
  for (int piece = 0; piece < 5; ++piece) {
    const std::vector<std::byte> bytes(kPiece, static_cast<std::byte>(piece));
    sent.insert(sent.end(), bytes.begin(), bytes.end());
    ASSERT_TRUE(buffers.append(kept, bytes));
  }
  std::vector<std::byte> got;
  while (kept != nullptr) {
    const auto bytes = kept->unsent();
    got.insert(got.end(), bytes.begin(), bytes.end());
    kept = buffers.give_back(std::move(kept));
  }
  EXPECT_TRUE(got == sent);
}

TEST(HeldBuffers, ABufferThatIsUsedAgainHasNothingOfBefore) {
  HeldBuffers buffers;
  buffers.give_back(buffers.keep_working(10, 20));
  std::unique_ptr<Buffer> kept;
  const std::vector<std::byte> bytes(3, std::byte{7});
  ASSERT_TRUE(buffers.append(kept, bytes));
  EXPECT_EQ(kept->unsent().size(), bytes.size());
}

}  // namespace
}  // namespace backends::socket
