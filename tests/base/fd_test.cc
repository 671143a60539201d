// One owner for each descriptor: closed once, when the owner goes.
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace {

using base::UniqueFd;

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesWhenItsOwnerGoes) {
  const int fd = open_null();
  ASSERT_TRUE(is_open(fd));
  { const UniqueFd owner(fd); }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, OwnsNothingByDefault) {
  const UniqueFd owner;
  EXPECT_FALSE(owner);
  EXPECT_EQ(owner.get(), -1);
}

TEST(UniqueFd, TreatsAFailedCallAsNothing) { EXPECT_FALSE(UniqueFd(-1)); }

TEST(UniqueFd, OwnsDescriptorZero) {
  // Descriptor 0 is a descriptor; only negative numbers are not.
  UniqueFd owner(0);
  EXPECT_TRUE(owner);
  EXPECT_EQ(owner.release(), 0);
}

TEST(UniqueFd, GivesItsDescriptorAwayOnMove) {
  UniqueFd first(open_null());
  const int fd = first.get();
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what a move leaves is the test.
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFd, ClosesWhatItHeldWhenAnotherIsMovedIn) {
  UniqueFd target(open_null());
  const int old = target.get();
  UniqueFd source(open_null());
  const int young = source.get();
  target = std::move(source);
  EXPECT_FALSE(is_open(old));
  EXPECT_TRUE(is_open(young));
  EXPECT_EQ(target.get(), young);
}

TEST(UniqueFd, SurvivesAMoveIntoItself) {
  UniqueFd owner(open_null());
  UniqueFd& same = owner;
  owner = std::move(same);
  EXPECT_TRUE(is_open(owner.get()));
}

TEST(UniqueFd, LeavesAReleasedDescriptorOpen) {
  int fd = -1;
  {
    UniqueFd owner(open_null());
    fd = owner.release();
    EXPECT_FALSE(owner);
  }
  EXPECT_TRUE(is_open(fd));
  const UniqueFd closer(fd);
}

TEST(UniqueFd, ClosesOnce) {
  UniqueFd owner(open_null());
  owner.close();
  EXPECT_FALSE(owner);
  const UniqueFd other(open_null());  // Takes the freed number.
  owner.close();
  EXPECT_TRUE(is_open(other.get()));
}

}  // namespace
