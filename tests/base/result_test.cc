// A Result carries a value or the reason why there is none.
#include "base/result.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

namespace {

using base::to_errno;

base::Result<int> half_of(int number) {
  if (number % 2 != 0) return base::failure(to_errno(EINVAL));
  return number / 2;
}

TEST(Result, HoldsAValueOrAReason) {
  EXPECT_EQ(half_of(4), 2);
  ASSERT_FALSE(half_of(3).has_value());
  EXPECT_EQ(half_of(3).error(), to_errno(EINVAL));
}

TEST(Result, HoldsNothingWhenOnlySuccessMatters) {
  const base::Result<void> good;
  const base::Result<void> bad = base::failure(to_errno(EPERM));
  EXPECT_TRUE(good.has_value());
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error(), to_errno(EPERM));
}

TEST(Result, CarriesWhatCannotBeCopied) {
  base::Result<std::unique_ptr<int>> owner = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(owner).value();
  EXPECT_EQ(*taken, 5);
}

TEST(Result, TakesTheErrorOfTheLastCall) {
  const auto call = []() -> base::Result<void> {
    if (::close(-1) != 0) return base::failure_of_errno();
    return {};
  };
  ASSERT_FALSE(call().has_value());
  EXPECT_EQ(call().error(), to_errno(EBADF));
}

TEST(Result, CarriesASentenceForWhatPeopleWrote) {
  const base::Parsed<int> parsed = base::failure(std::string("'x' is not a number"));
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error(), "'x' is not a number");
}

}  // namespace
