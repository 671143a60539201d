// CHECK stops the process and says what was broken.
#include "base/assert.h"

#include <gtest/gtest.h>

namespace {

TEST(Check, LetsATrueConditionPassAndLooksAtItOnce) {
  int looks = 0;
  CHECK(++looks == 1);
  EXPECT_EQ(looks, 1);
}

TEST(Check, IsAnExpression) {
  const auto half = [](int number) { return CHECK(number % 2 == 0), number / 2; };
  EXPECT_EQ(half(4), 2);
}

TEST(CheckDeathTest, StopsTheProcessAndNamesTheConditionAndThePlace) {
  const bool water = false;
  EXPECT_DEATH(CHECK(water), "assert_test.cc:[0-9]+: CHECK failed: water");
}

TEST(CheckDeathTest, EndsWithASignalSoThatACoreIsLeft) {
  EXPECT_EXIT(base::check_failed("file.cc", 7, "text"), testing::KilledBySignal(SIGABRT),
              "file.cc:7: CHECK failed: text");
}

}  // namespace
