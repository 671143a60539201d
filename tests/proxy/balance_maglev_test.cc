#include "proxy/balance_maglev.h"

#include <memory>

#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::client_of;
using testing::endpoints_of;
using testing::expect_shares;

// A balancer with the table that must outlive it.
struct Instance {
  explicit Instance(const std::vector<BalancedEndpoint>& endpoints, std::uint64_t seed = 1)
      : table(endpoints), balancer(endpoints, table, seed) {}
  std::optional<std::uint16_t> pick(std::uint32_t client, std::vector<std::uint16_t> tried = {}) {
    return balancer.pick({.client = client_of(client), .tried = tried});
  }
  MaglevTable table;
  BalanceMaglev balancer;
};

TEST(BalanceMaglev, ClientsAreSharedByWeight) {
  const std::vector<std::uint32_t> weights = {1, 2, 0, 5};
  Instance instance(endpoints_of(weights));
  expect_shares(testing::count_picks(instance.balancer, weights.size(), 2'000'000), weights, 0.01);
}

TEST(BalanceMaglev, EveryInstanceChoosesTheSameWhateverItsFilesOrder) {
  auto endpoints = endpoints_of({1, 2, 3, 4});
  Instance one(endpoints, 1);
  std::reverse(endpoints.begin(), endpoints.end());
  Instance other(endpoints, 99);
  for (std::uint32_t i = 0; i < 2000; ++i) {
    EXPECT_EQ(one.pick(i).value(), 3 - other.pick(i).value());
    EXPECT_EQ(one.pick(i, {0}).value(), 3 - other.pick(i, {3}).value());
  }
}

TEST(BalanceMaglev, ClientsOfATriedEndpointSpreadOverTheOthers) {
  const std::vector<std::uint32_t> weights = {100, 10, 20, 30};
  Instance instance(endpoints_of(weights));
  std::vector<std::uint32_t> counts(4);
  for (std::uint32_t i = 0; i < 600'000; ++i) {
    const std::uint16_t first = instance.pick(i).value();
    const std::uint16_t next = instance.pick(i, {0}).value();
    if (first == 0) {
      ++counts[next];
    } else {
      ASSERT_EQ(first, next);
    }
  }
  expect_shares(counts, {0, 10, 20, 30}, 0.02);
}

TEST(BalanceMaglev, RemovingAnEndpointMovesItsOwnClientsAndFewOthers) {
  auto endpoints = endpoints_of(std::vector<std::uint32_t>(10, 100));
  Instance before(endpoints);
  endpoints.pop_back();
  Instance after(endpoints);
  std::uint32_t others = 0;
  std::uint32_t moved = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const std::uint16_t was = before.pick(i).value();
    const std::uint16_t is = after.pick(i).value();
    if (was == 9) continue;
    ++others;
    moved += was == is ? 0 : 1;
  }
  EXPECT_GT(others, 80'000U);
  EXPECT_LT(moved, others * 3 / 100);
}

// So light that the table has no entry for it.
TEST(BalanceMaglev, FindsAnEndpointThatHasNoEntry) {
  Instance instance(endpoints_of({1'000'000, 1, 1'000'000}));
  std::size_t entries = 0;
  for (std::size_t i = 0; i < MaglevTable::kSize; ++i) entries += instance.table.at(i) == 1 ? 1 : 0;
  ASSERT_EQ(entries, 0U);
  EXPECT_EQ(instance.pick(5, {0, 2}), std::optional<std::uint16_t>(1));
}

// One entry in a thousand: found by walking the table.
TEST(BalanceMaglev, FindsALightEndpointBehindHeavyTriedOnes) {
  Instance instance(endpoints_of({1000, 1, 1000}));
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(instance.pick(i, {0, 2}), std::optional<std::uint16_t>(1));
  }
}

TEST(BalanceMaglev, ClientsWithoutAnIpAreSpreadByWeight) {
  Instance instance(endpoints_of({10, 30}));
  std::vector<std::uint32_t> counts(2);
  for (int i = 0; i < 400'000; ++i) {
    ++counts[instance.balancer.pick({.client = testing::unix_client(), .tried = {}}).value()];
  }
  expect_shares(counts, {10, 30}, 0.01);
}

TEST(BalanceMaglev, RespectsTriedAndWeights) {
  std::vector<std::unique_ptr<MaglevTable>> tables;
  testing::expect_respects_tried(config::Balance::kMaglev,
                                 [&](const std::vector<BalancedEndpoint>& endpoints) {
                                   tables.push_back(std::make_unique<MaglevTable>(endpoints));
                                   return tables.back().get();
                                 });
}

}  // namespace
}  // namespace proxy
