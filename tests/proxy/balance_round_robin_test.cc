#include "proxy/balance_round_robin.h"

#include <numeric>

#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::count_picks;
using testing::endpoints_of;
using testing::expect_shares;

// The picks, with the sessions ended at once.
std::vector<std::uint16_t> picks_of(BalanceRoundRobin& balancer, std::size_t count) {
  std::vector<std::uint16_t> picks;
  for (std::size_t i = 0; i < count; ++i) picks.push_back(balancer.pick({}).value());
  return picks;
}

TEST(BalanceRoundRobin, GivesEachWeightItsExactShare) {
  const std::vector<std::vector<std::uint32_t>> cases = {{1, 1, 1},
                                                         {100, 100},
                                                         {5, 1, 1},
                                                         {1, 0, 3},
                                                         {1, 1000},
                                                         {7, 13, 29, 31},
                                                         {4'000'000'000, 1'000'000'000}};
  for (const auto& weights : cases) {
    BalanceRoundRobin balancer(endpoints_of(weights), 3);
    expect_shares(count_picks(balancer, weights.size(), 100'000), weights, 0.001, 2);
  }
}

TEST(BalanceRoundRobin, GoesRoundEqualEndpointsInTheFilesOrder) {
  BalanceRoundRobin balancer(endpoints_of({100, 100, 100, 100}), 12345);
  const auto picks = picks_of(balancer, 100);
  for (std::size_t i = 1; i < picks.size(); ++i) EXPECT_EQ(picks[i], (picks[i - 1] + 1) % 4);
}

TEST(BalanceRoundRobin, AThousandEndpointsGetTheirSharesToo) {
  std::vector<std::uint32_t> weights(1000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::uint32_t>(i % 10);
  BalanceRoundRobin balancer(endpoints_of(weights), 9);
  expect_shares(count_picks(balancer, weights.size(), 450'000), weights, 0.01, 1);
}

// Smooth: over any run of picks an endpoint is never more than about one turn from its share.
TEST(BalanceRoundRobin, SpreadsTheTurnsOfAHeavyEndpoint) {
  const std::vector<std::vector<std::uint32_t>> cases = {
      {5, 1, 1}, {10, 1}, {3, 2, 1}, {100, 100, 100, 1}};
  for (const auto& weights : cases) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      BalanceRoundRobin balancer(endpoints_of(weights), seed);
      std::vector<double> counts(weights.size());
      for (std::uint32_t i = 1; i <= 2000; ++i) {
        ++counts[balancer.pick({}).value()];
        for (std::size_t e = 0; e < weights.size(); ++e) {
          ASSERT_NEAR(counts[e], i * weights[e] / sum, 2.0) << "endpoint " << e << " pick " << i;
        }
      }
    }
  }
}

TEST(BalanceRoundRobin, LightEndpointsDoNotHaveTheirTurnsTogether) {
  BalanceRoundRobin balancer(endpoints_of({10, 1, 1}), 0);
  const auto picks = picks_of(balancer, 1200);
  std::size_t heavy_run = 0;
  std::size_t longest = 0;
  for (const std::uint16_t pick : picks) {
    heavy_run = pick == 0 ? heavy_run + 1 : 0;
    longest = std::max(longest, heavy_run);
  }
  EXPECT_LE(longest, 10U);
}

TEST(BalanceRoundRobin, SeedsSpreadTheStartOverAllEndpoints) {
  const auto endpoints = endpoints_of(std::vector<std::uint32_t>(8, 100));
  std::set<std::uint16_t> starts;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    starts.insert(BalanceRoundRobin(endpoints, seed).pick({}).value());
  }
  EXPECT_EQ(starts.size(), 8U);
}

TEST(BalanceRoundRobin, TheSameSeedGivesTheSamePicks) {
  const auto endpoints = endpoints_of({3, 1, 4, 1, 5});
  BalanceRoundRobin one(endpoints, 77);
  BalanceRoundRobin other(endpoints, 77);
  EXPECT_EQ(picks_of(one, 500), picks_of(other, 500));
}

TEST(BalanceRoundRobin, AnEndpointThatWasFullForLongGetsNoBurstAfterwards) {
  BalanceRoundRobin balancer(endpoints_of({1, 1, 1, 1}), 0);
  const std::vector<std::uint16_t> full = {2};
  for (int i = 0; i < 3000; ++i) EXPECT_NE(balancer.pick({.client = {}, .tried = full}), 2);
  std::size_t of_two = 0;
  for (const std::uint16_t pick : picks_of(balancer, 40)) of_two += pick == 2 ? 1 : 0;
  EXPECT_GE(of_two, 10U);
  EXPECT_LE(of_two, 11U);
}

TEST(BalanceRoundRobin, OthersShareByWeightWhileOneIsTried) {
  BalanceRoundRobin balancer(endpoints_of({2, 5, 1}), 4);
  expect_shares(count_picks(balancer, 3, 30'000, {1}), {2, 0, 1}, 0.001, 2);
}

TEST(BalanceRoundRobin, IgnoresSessions) {
  auto endpoints = endpoints_of({1, 1});
  endpoints[0].sessions = 1000;
  BalanceRoundRobin balancer(endpoints, 0);
  balancer.session_started(1);
  EXPECT_EQ(count_picks(balancer, 2, 1000), (std::vector<std::uint32_t>{500, 500}));
}

TEST(BalanceRoundRobin, RespectsTriedAndWeights) {
  testing::expect_respects_tried(config::Balance::kRoundRobin, testing::no_table);
}

}  // namespace
}  // namespace proxy
