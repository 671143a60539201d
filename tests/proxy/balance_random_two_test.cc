#include "proxy/balance_random_two.h"

#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::count_picks;
using testing::endpoints_of;
using testing::expect_shares;

TEST(BalanceRandomTwo, AnIdleUpstreamIsSharedByWeight) {
  const std::vector<std::uint32_t> weights = {1, 2, 0, 5};
  BalanceRandomTwo balancer(endpoints_of(weights), 1);
  // 1 % of the smallest share needs more than 100,000 draws to stand clear of chance.
  expect_shares(count_picks(balancer, weights.size(), 2'000'000), weights, 0.01);
}

TEST(BalanceRandomTwo, SessionsThatStayAreSharedByWeight) {
  const std::vector<std::uint32_t> weights = {100, 200, 0, 100, 100, 50};
  BalanceRandomTwo balancer(endpoints_of(weights), 2);
  std::vector<std::uint32_t> sessions(weights.size());
  for (int i = 0; i < 100'000; ++i) {
    const std::uint16_t picked = balancer.pick({}).value();
    balancer.session_started(picked);
    ++sessions[picked];
  }
  expect_shares(sessions, weights, 0.01);
}

// One random choice over 1,000 endpoints leaves the fullest about 30 % above the mean at 100 each;
// the better of two keeps it within a few sessions.
TEST(BalanceRandomTwo, AThousandEndpointsStayNearlyEven) {
  BalanceRandomTwo balancer(endpoints_of(std::vector<std::uint32_t>(1000, 100)), 3);
  std::vector<std::uint32_t> sessions(1000);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint16_t picked = balancer.pick({}).value();
    balancer.session_started(picked);
    ++sessions[picked];
  }
  EXPECT_LE(*std::max_element(sessions.begin(), sessions.end()), 104U);
  EXPECT_GE(*std::min_element(sessions.begin(), sessions.end()), 90U);
}

TEST(BalanceRandomTwo, OfTwoEndpointsTheFreerOneAlwaysWins) {
  auto endpoints = endpoints_of({1, 1000});
  endpoints[1].sessions = 1000;
  endpoints[0].sessions = 2;
  BalanceRandomTwo balancer(endpoints, 4);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(balancer.pick({}), std::optional<std::uint16_t>(1));
  for (int i = 0; i < 2; ++i) balancer.session_ended(0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(balancer.pick({}), std::optional<std::uint16_t>(0));
}

TEST(BalanceRandomTwo, TheSameSeedGivesTheSamePicksAndAnotherSeedOthers) {
  const auto endpoints = endpoints_of(std::vector<std::uint32_t>(20, 1));
  std::vector<std::vector<std::uint16_t>> runs;
  for (const std::uint64_t seed : {5U, 5U, 6U}) {
    BalanceRandomTwo balancer(endpoints, seed);
    runs.emplace_back();
    for (int i = 0; i < 200; ++i) runs.back().push_back(balancer.pick({}).value());
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST(BalanceRandomTwo, RespectsTriedAndWeights) {
  testing::expect_respects_tried(config::Balance::kRandomTwo, testing::no_table);
}

}  // namespace
}  // namespace proxy
