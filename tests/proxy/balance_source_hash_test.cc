#include "proxy/balance_source_hash.h"

#include <cstring>

#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::client_of;
using testing::count_picks;
using testing::endpoints_of;
using testing::expect_shares;

TEST(BalanceSourceHash, ClientsAreSharedByWeight) {
  const std::vector<std::uint32_t> weights = {1, 2, 0, 5};
  BalanceSourceHash balancer(endpoints_of(weights), 1);
  expect_shares(count_picks(balancer, weights.size(), 2'000'000), weights, 0.01);
}

TEST(BalanceSourceHash, AThousandEndpointsGetTheirShares) {
  const std::vector<std::uint32_t> weights(1000, 100);
  BalanceSourceHash balancer(endpoints_of(weights), 1);
  // 1,000 clients each: chance alone moves a count by 3 % (one sigma).
  expect_shares(count_picks(balancer, weights.size(), 1'000'000), weights, 0.16);
}

TEST(BalanceSourceHash, AClientStaysWhateverItsPortAndTheWorker) {
  const auto endpoints = endpoints_of({1, 1, 1, 1, 1, 1, 1});
  BalanceSourceHash one_worker(endpoints, 1);
  BalanceSourceHash other_worker(endpoints, 2);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const auto picked = one_worker.pick({.client = client_of(i, 1000), .tried = {}});
    EXPECT_EQ(one_worker.pick({.client = client_of(i, 60000), .tried = {}}), picked);
    EXPECT_EQ(other_worker.pick({.client = client_of(i, 5), .tried = {}}), picked);
  }
}

TEST(BalanceSourceHash, AMappedClientIsTheSameClient) {
  BalanceSourceHash balancer(endpoints_of({1, 1, 1, 1, 1}), 1);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const base::IpPort plain = client_of(i * 7919);
    base::IpPort mapped;
    mapped.family = base::Family::kV6;
    mapped.bytes[10] = mapped.bytes[11] = 0xff;
    std::memcpy(&mapped.bytes[12], plain.bytes.data(), 4);
    EXPECT_EQ(balancer.pick({.client = mapped, .tried = {}}),
              balancer.pick({.client = plain, .tried = {}}));
  }
}

TEST(BalanceSourceHash, TheOrderInTheFileMovesNobody) {
  auto endpoints = endpoints_of({1, 2, 3, 4});
  BalanceSourceHash before(endpoints, 1);
  std::reverse(endpoints.begin(), endpoints.end());
  BalanceSourceHash after(endpoints, 1);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const PickRequest request{.client = client_of(i), .tried = {}};
    EXPECT_EQ(before.pick(request).value(), 3 - after.pick(request).value());
  }
}

TEST(BalanceSourceHash, ClientsOfATriedEndpointSpreadOverTheOthersByWeightAndStayThere) {
  const std::vector<std::uint32_t> weights = {100, 10, 20, 30};
  BalanceSourceHash balancer(endpoints_of(weights), 1);
  const std::vector<std::uint16_t> tried = {0};
  std::vector<std::uint32_t> counts(4);
  std::uint32_t moved = 0;
  for (std::uint32_t i = 0; i < 600'000; ++i) {
    const PickRequest first{.client = client_of(i), .tried = {}};
    const PickRequest second{.client = client_of(i), .tried = tried};
    const auto next = balancer.pick(second);
    ASSERT_TRUE(next.has_value());
    if (balancer.pick(first) != std::optional<std::uint16_t>(0)) {
      ASSERT_EQ(balancer.pick(first), next);
    } else {
      ++counts[*next];
      ++moved;
      ASSERT_EQ(balancer.pick(second), next);
    }
  }
  EXPECT_GT(moved, 300'000U);
  expect_shares(counts, {0, 10, 20, 30}, 0.02);
}

TEST(BalanceSourceHash, ClientsWithoutAnIpAreSpreadByWeight) {
  BalanceSourceHash balancer(endpoints_of({10, 30}), 6);
  std::vector<std::uint32_t> counts(2);
  for (int i = 0; i < 400'000; ++i) {
    ++counts[balancer.pick({.client = testing::unix_client(), .tried = {}}).value()];
  }
  expect_shares(counts, {10, 30}, 0.01);
}

// Rehashing alone would rarely find it.
TEST(BalanceSourceHash, FindsALightEndpointBehindHeavyTriedOnes) {
  BalanceSourceHash balancer(endpoints_of({1'000'000, 1, 1'000'000}), 1);
  const std::vector<std::uint16_t> tried = {0, 2};
  EXPECT_EQ(count_picks(balancer, 3, 1000, tried), (std::vector<std::uint32_t>{0, 1000, 0}));
}

TEST(BalanceSourceHash, RespectsTriedAndWeights) {
  testing::expect_respects_tried(config::Balance::kSourceHash, testing::no_table);
}

}  // namespace
}  // namespace proxy
