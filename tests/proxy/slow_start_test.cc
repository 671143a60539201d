#include "proxy/slow_start.h"

#include <gtest/gtest.h>

#include <chrono>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using config::Balance;

TEST(SlowStartTest, GrowsInEvenStepsFromASmallShareToTheWhole) {
  EXPECT_EQ(slow_start_share(50s, 100s, 50s), kWhole / kSlowStartSteps);
  EXPECT_EQ(slow_start_share(50s, 100s, 100s), kWhole / kSlowStartSteps * 11);
  EXPECT_EQ(slow_start_share(50s, 100s, 149s), kWhole);
  EXPECT_EQ(slow_start_share(50s, 100s, 150s), kWhole);
  EXPECT_EQ(slow_start_share(50s, 100s, 1000h), kWhole);
}

TEST(SlowStartTest, WithoutADurationOrABeginningItIsOver) {
  EXPECT_EQ(slow_start_share(base::kForever, 100s, 5s), kWhole);
  EXPECT_EQ(slow_start_share(5s, 0s, 5s), kWhole);
  EXPECT_EQ(next_slow_start_step(base::kForever, 100s, 5s), base::kForever);
  EXPECT_EQ(next_slow_start_step(5s, 0s, 5s), base::kForever);
}

TEST(SlowStartTest, EachStepIsAnnouncedUntilTheLastOne) {
  base::Nanos now = 50s;
  std::uint32_t share = slow_start_share(50s, 100s, now);
  for (std::uint32_t step = 1; step < kSlowStartSteps; ++step) {
    now = next_slow_start_step(50s, 100s, now);
    EXPECT_EQ(now, 50s + step * 5s);
    EXPECT_GT(slow_start_share(50s, 100s, now), share);
    share = slow_start_share(50s, 100s, now);
  }
  EXPECT_EQ(next_slow_start_step(50s, 100s, now), 150s);
  EXPECT_EQ(next_slow_start_step(50s, 100s, 150s), base::kForever);
}

TEST(SlowStartTest, OnlyPoliciesThatCompareEndpointsWeigh) {
  for (const auto policy : {Balance::kRoundRobin, Balance::kLeastSessions, Balance::kRandomTwo}) {
    EXPECT_TRUE(weighs(policy));
  }
  for (const auto policy : {Balance::kSourceHash, Balance::kMaglev, Balance::kFirst}) {
    EXPECT_FALSE(weighs(policy));
  }
}

TEST(SlowStartTest, AClientThatIsTakenStaysTakenAndTheWholeTakesAll) {
  base::IpPort client = base::parse_address("10.0.0.0:1").value().ip;
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < 250; ++i) {
    client.bytes[3] = static_cast<std::uint8_t>(i);
    EXPECT_TRUE(takes_client(client, kWhole, 0));
    EXPECT_FALSE(takes_client(client, 0, 0));
    if (!takes_client(client, 300, 0)) continue;
    ++taken;
    EXPECT_TRUE(takes_client(client, 350, kWhole - 1));
  }
  EXPECT_NEAR(taken, 75, 30);  // The hash is fixed: this never changes.
}

TEST(SlowStartTest, AClientWithoutAnAddressIsLeftToTheGivenNumber) {
  base::IpPort client;
  client.family = base::Family::kUnix;
  EXPECT_TRUE(takes_client(client, 300, 299));
  EXPECT_FALSE(takes_client(client, 300, 300));
}

}  // namespace
}  // namespace proxy
