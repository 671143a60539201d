#include "proxy/balance_least_sessions.h"

#include <deque>

#include "base/prng.h"
#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::count_picks;
using testing::endpoints_of;
using testing::expect_shares;

std::uint16_t start(BalanceLeastSessions& balancer) {
  const std::uint16_t picked = balancer.pick({}).value();
  balancer.session_started(picked);
  return picked;
}

TEST(BalanceLeastSessions, SessionsThatStayAreSharedByWeight) {
  const std::vector<std::uint32_t> weights = {1, 2, 0, 5, 100};
  BalanceLeastSessions balancer(endpoints_of(weights), 1);
  std::vector<std::uint32_t> sessions(weights.size());
  for (int i = 0; i < 100'000; ++i) ++sessions[start(balancer)];
  expect_shares(sessions, weights, 0.001, 1);
}

TEST(BalanceLeastSessions, AnIdleUpstreamIsSharedByWeightToo) {
  const std::vector<std::uint32_t> weights = {1, 2, 0, 5};
  BalanceLeastSessions balancer(endpoints_of(weights), 1);
  expect_shares(count_picks(balancer, weights.size(), 100'000), weights, 0.001, 2);
}

TEST(BalanceLeastSessions, AThousandEndpointsGetTheirSharesToo) {
  std::vector<std::uint32_t> weights(1000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::uint32_t>(i % 10);
  BalanceLeastSessions balancer(endpoints_of(weights), 5);
  std::vector<std::uint32_t> sessions(weights.size());
  for (int i = 0; i < 450'000; ++i) ++sessions[start(balancer)];
  expect_shares(sessions, weights, 0.01, 1);
}

// The exact answer, found by looking at everybody, over random starts and ends.
TEST(BalanceLeastSessions, AlwaysPicksAnEndpointWithTheFewestSessionsForItsWeight) {
  base::Prng prng(42);
  std::vector<std::uint32_t> weights(50);
  for (auto& weight : weights) weight = static_cast<std::uint32_t>(prng.below(8));
  weights[0] = 1;
  auto endpoints = endpoints_of(weights);
  BalanceLeastSessions balancer(endpoints, 6);
  std::vector<std::uint16_t> sessions;
  for (int step = 0; step < 20'000; ++step) {
    if (!sessions.empty() && prng.chance(490)) {
      const std::size_t at = prng.below(sessions.size());
      balancer.session_ended(sessions[at]);
      --endpoints[sessions[at]].sessions;
      sessions[at] = sessions.back();
      sessions.pop_back();
      continue;
    }
    const auto tried =
        prng.chance(300) ? std::vector<std::uint16_t>{7, 9} : std::vector<std::uint16_t>{};
    const std::uint16_t picked = balancer.pick({.client = {}, .tried = tried}).value();
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      if (weights[i] == 0 || std::find(tried.begin(), tried.end(), i) != tried.end()) continue;
      ASSERT_LE(std::uint64_t{endpoints[picked].sessions} * weights[i],
                std::uint64_t{endpoints[i].sessions} * weights[picked]);
    }
    balancer.session_started(picked);
    ++endpoints[picked].sessions;
    sessions.push_back(picked);
  }
}

TEST(BalanceLeastSessions, TiesGoRound) {
  BalanceLeastSessions balancer(endpoints_of({1, 1, 1}), 8);
  std::set<std::uint16_t> first_three = {start(balancer), start(balancer), start(balancer)};
  EXPECT_EQ(first_three.size(), 3U);
  // With equal counts again, the next three go round as well, and not to one of them twice.
  std::set<std::uint16_t> next_three = {start(balancer), start(balancer), start(balancer)};
  EXPECT_EQ(next_three.size(), 3U);
}

TEST(BalanceLeastSessions, KnowsTheSessionsOfBeforeAReload) {
  auto endpoints = endpoints_of({1, 1, 0});
  endpoints[0].sessions = 10;
  endpoints[2].sessions = 2;
  BalanceLeastSessions balancer(endpoints, 3);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(start(balancer), 1);
  balancer.session_ended(2);  // Its weight is 0 now, and its old sessions end.
  balancer.session_ended(2);
  balancer.session_ended(0);
  EXPECT_EQ(start(balancer), 0);
}

TEST(BalanceLeastSessions, SeedsSpreadTheFirstPick) {
  const auto endpoints = endpoints_of({1, 1, 1, 1, 1});
  std::set<std::uint16_t> starts;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    starts.insert(BalanceLeastSessions(endpoints, seed).pick({}).value());
  }
  EXPECT_EQ(starts.size(), 5U);
}

TEST(BalanceLeastSessions, RespectsTriedAndWeights) {
  testing::expect_respects_tried(config::Balance::kLeastSessions, testing::no_table);
}

}  // namespace
}  // namespace proxy
