#include "backends/io_uring/ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include "tests/backends/io_uring/uring_fixture.h"

namespace backends::io_uring {
namespace {

using Numbers = std::vector<std::uint64_t>;

Numbers from_zero_to(std::size_t end) {
  Numbers numbers(end);
  std::iota(numbers.begin(), numbers.end(), 0U);
  return numbers;
}

class RingTest : public UringTest {
 protected:
  void SetUp() override {
    UringTest::SetUp();
    if (!IsSkipped()) ring_ = *Ring::open();
  }

  void ask(std::uint64_t number) {
    io_uring_sqe& request = ring_->request();
    io_uring_prep_nop(&request);
    request.user_data = number;
  }
  void drain_into(Numbers& numbers) {
    ring_->drain([&](const io_uring_cqe& completion) { numbers.push_back(completion.user_data); });
  }

  std::unique_ptr<Ring> ring_;
};

TEST_F(RingTest, ABatchOfRequestsCostsOneCallAndComesBackInOrder) {
  for (std::uint64_t number = 0; number < 3; ++number) ask(number);
  EXPECT_TRUE(ring_->has_unsubmitted());
  EXPECT_EQ(ring_->counts().enters, 0U);
  ring_->collect();
  EXPECT_FALSE(ring_->has_unsubmitted());
  Numbers got;
  drain_into(got);
  EXPECT_EQ(got, from_zero_to(3));
  EXPECT_EQ(ring_->counts().enters, 1U);
  EXPECT_EQ(ring_->counts().submissions, 3U);
  EXPECT_EQ(ring_->counts().completions, 3U);
  EXPECT_EQ(ring_->counts().overflows, 0U);
}

TEST_F(RingTest, AFullQueueIsHandedOverByItself) {
  for (std::uint64_t number = 0; number < kSubmissionEntries; ++number) ask(number);
  EXPECT_EQ(ring_->counts().enters, 0U);
  ask(kSubmissionEntries);
  EXPECT_EQ(ring_->counts().enters, 1U);
  EXPECT_EQ(ring_->counts().submissions, kSubmissionEntries);
  EXPECT_TRUE(ring_->has_unsubmitted());
  ring_->collect();
  Numbers got;
  drain_into(got);
  EXPECT_EQ(got, from_zero_to(kSubmissionEntries + 1));
}

TEST_F(RingTest, CompletionsBeyondTheQueueAreCountedAndNoneIsLost) {
  constexpr std::size_t kMany = kCompletionEntries + 1000;
  for (std::uint64_t number = 0; number < kMany; ++number) ask(number);
  Numbers got;
  for (int look = 0; look < 3; ++look) {
    ring_->collect();
    drain_into(got);
    if (look == 0) {
      EXPECT_EQ(got.size(), kCompletionEntries);
      EXPECT_EQ(ring_->counts().overflows, 1U);
    }
  }
  EXPECT_EQ(got, from_zero_to(kMany));
  EXPECT_EQ(ring_->counts().completions, kMany);
  EXPECT_EQ(ring_->counts().overflows, 1U) << "it was over after one look";
}

TEST_F(RingTest, AWaitEndsWithItsTimeOrWithTheFirstCompletion) {
  const base::Nanos begin = base::monotonic_now();
  ring_->wait(std::chrono::milliseconds(5));
  EXPECT_GE(base::monotonic_now() - begin, std::chrono::milliseconds(5));
  Numbers got;
  drain_into(got);
  EXPECT_TRUE(got.empty());
  ask(0);
  ring_->wait(std::chrono::hours(1));
  drain_into(got);
  ask(1);
  ring_->wait(base::kForever);
  drain_into(got);
  EXPECT_EQ(got, from_zero_to(2));
}

TEST_F(RingTest, ARequestHasNothingOfTheOneThatHadItsPlace) {
  for (unsigned i = 0; i < 2 * kSubmissionEntries; ++i) {
    io_uring_sqe& request = ring_->request();
    EXPECT_EQ(request.flags, 0U);
    EXPECT_EQ(request.len, 0U);
    EXPECT_EQ(request.buf_group, 0U);
    io_uring_prep_nop(&request);
    request.flags = IOSQE_CQE_SKIP_SUCCESS;
    request.len = request.buf_group = 7;
  }
}

TEST_F(RingTest, AVisitorMayAskForMore) {
  ask(0);
  ring_->collect();
  ring_->drain([this](const io_uring_cqe&) { ask(1); });
  ring_->collect();
  Numbers got;
  drain_into(got);
  EXPECT_EQ(got, Numbers{1});
}

TEST_F(RingTest, ItsModeIsWhatTheKernelGave) {
  const unsigned flags = ring_->native().flags;
  EXPECT_EQ(ring_->mode() == Ring::Mode::kDeferred, (flags & IORING_SETUP_DEFER_TASKRUN) != 0);
  EXPECT_EQ(ring_->mode() == Ring::Mode::kCooperative, (flags & IORING_SETUP_COOP_TASKRUN) != 0);
}

TEST_F(RingTest, WithoutADescriptorThereIsNoneAndNothingIsLeftBehind) {
  const int next = next_descriptor();
  {
    const DescriptorsLeft none(0);
    const auto refused = Ring::open();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), base::to_errno(EMFILE));
  }
  EXPECT_EQ(next_descriptor(), next);
}

}  // namespace
}  // namespace backends::io_uring
