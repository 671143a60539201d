#include "proxy/retry_budget.h"

#include <gtest/gtest.h>

#include <chrono>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class RetryBudgetTest : public testing::Test {
 protected:
  // Retries that are left now.
  std::int64_t spend_all(base::Nanos now) {
    std::int64_t spent = 0;
    while (budget_.spend(now)) ++spent;
    return spent;
  }
  RetryBudget budget_;
};

TEST_F(RetryBudgetTest, TheFirstSessionsMayRetryToo) {
  EXPECT_EQ(spend_all(5s), RetryBudget::kReserve);
  EXPECT_EQ(spend_all(5s), 0);
}

TEST_F(RetryBudgetTest, AFewComeWithTimeAndNotMoreThanTheReserve) {
  spend_all(5s);
  EXPECT_EQ(spend_all(6s), RetryBudget::kFreePerSecond);
  EXPECT_EQ(spend_all(6s + 99ms), 0);
  EXPECT_EQ(spend_all(6s + 200ms), 2);
  EXPECT_EQ(spend_all(1000h), RetryBudget::kReserve);
}

TEST_F(RetryBudgetTest, EachSessionAddsItsPercent) {
  spend_all(5s);
  for (int i = 0; i < 100; ++i) budget_.session_began(20);
  EXPECT_EQ(spend_all(5s), 20);
  for (int i = 0; i < 4; ++i) budget_.session_began(20);
  EXPECT_EQ(spend_all(5s), 0);
  budget_.session_began(20);
  EXPECT_EQ(spend_all(5s), 1);
  for (int i = 0; i < 100; ++i) budget_.session_began(0);
  EXPECT_EQ(spend_all(5s), 0);
  for (int i = 0; i < 100'000; ++i) budget_.session_began(100);
  EXPECT_EQ(spend_all(5s), RetryBudget::kReserve);
}

}  // namespace
}  // namespace proxy
