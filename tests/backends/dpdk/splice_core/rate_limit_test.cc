// So many in each second.
#include "backends/dpdk/splice_core/rate_limit.h"

#include <gtest/gtest.h>

namespace backends::dpdk::splice_core {
namespace {

using namespace std::chrono_literals;

TEST(RateLimit, ASecondAllowsSoManyAndTheNextOneAgain) {
  RateLimit limit(2);
  for (const base::Nanos second : {7s, 8s, 100s}) {
    EXPECT_TRUE(limit.allow(second));
    EXPECT_TRUE(limit.allow(second + 1ms));
    EXPECT_FALSE(limit.allow(second + 999ms));
  }
}

TEST(RateLimit, NoneIsNone) { EXPECT_FALSE(RateLimit(0).allow(1s)); }

}  // namespace
}  // namespace backends::dpdk::splice_core
