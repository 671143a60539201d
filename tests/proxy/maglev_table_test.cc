#include "proxy/maglev_table.h"

#include <chrono>

#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::endpoints_of;
using testing::expect_shares;

std::vector<std::uint32_t> entries_by_endpoint(const MaglevTable& table, std::size_t endpoints) {
  std::vector<std::uint32_t> counts(endpoints);
  for (std::size_t i = 0; i < MaglevTable::kSize; ++i) ++counts.at(table.at(i));
  return counts;
}

// Of the entries whose endpoint is in both tables, the share that has changed.
// `renamed[i]` is what endpoint i of `before` is called in `after`; -1: it is gone.
double disruption(const MaglevTable& before, const MaglevTable& after,
                  const std::vector<int>& renamed) {
  std::size_t stayed = 0;
  std::size_t moved = 0;
  for (std::size_t i = 0; i < MaglevTable::kSize; ++i) {
    const int expected = renamed.at(before.at(i));
    if (expected < 0) continue;
    ++(after.at(i) == expected ? stayed : moved);
  }
  return static_cast<double>(moved) / static_cast<double>(moved + stayed);
}

TEST(MaglevTable, EntriesAreSharedExactlyByWeight) {
  const std::vector<std::vector<std::uint32_t>> cases = {
      {1}, {1, 1, 1}, {100, 0, 200}, {1, 1000}, {5, 1, 1}, {4'000'000'000, 1'000'000'000}};
  for (const auto& weights : cases) {
    const MaglevTable table(endpoints_of(weights));
    expect_shares(entries_by_endpoint(table, weights.size()), weights, 0.001, 2);
  }
}

TEST(MaglevTable, AThousandEndpointsHaveTheirShareToAnEntry) {
  std::vector<std::uint32_t> weights(1000);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::uint32_t>(i % 10);
  const MaglevTable table(endpoints_of(weights));
  expect_shares(entries_by_endpoint(table, weights.size()), weights, 0.01, 2);
}

TEST(MaglevTable, IsEmptyWithoutWeights) {
  EXPECT_TRUE(MaglevTable({}).empty());
  EXPECT_TRUE(MaglevTable(endpoints_of({0, 0})).empty());
  EXPECT_FALSE(MaglevTable(endpoints_of({0, 1})).empty());
}

TEST(MaglevTable, TheOrderInTheFileDoesNotMatter) {
  auto endpoints = endpoints_of({1, 2, 3, 4, 5});
  const MaglevTable before(endpoints);
  std::reverse(endpoints.begin(), endpoints.end());
  EXPECT_EQ(disruption(before, MaglevTable(endpoints), {4, 3, 2, 1, 0}), 0);
}

// Instances of different versions stand behind one router: a change here moves all their clients.
TEST(MaglevTable, IsTheSameInEveryVersion) {
  const MaglevTable table(endpoints_of({100, 50, 0, 200}));
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < MaglevTable::kSize; ++i) hash = hash * 1'000'003 + table.at(i);
  EXPECT_EQ(hash, 9129426834900757322U);
}

TEST(MaglevTable, RemovingAnEndpointMovesFewClientsOfTheOthers) {
  for (const std::size_t count : {3U, 10U, 100U, 1000U}) {
    auto endpoints = endpoints_of(std::vector<std::uint32_t>(count, 100));
    const MaglevTable before(endpoints);
    std::vector<int> renamed(count);
    for (std::size_t i = 0; i < count; ++i) renamed[i] = static_cast<int>(i) - (i > 1 ? 1 : 0);
    renamed[1] = -1;
    endpoints.erase(endpoints.begin() + 1);
    const double moved = disruption(before, MaglevTable(endpoints), renamed);
    RecordProperty("moved_permille_of_" + std::to_string(count), static_cast<int>(moved * 1000));
    EXPECT_LT(moved, 0.03) << count << " endpoints";
  }
}

TEST(MaglevTable, ASmallChangeOfOneWeightMovesFewClients) {
  auto endpoints = endpoints_of(std::vector<std::uint32_t>(20, 100));
  const MaglevTable before(endpoints);
  endpoints[4].weight = 90;
  std::vector<int> same(20);
  for (int i = 0; i < 20; ++i) same[static_cast<std::size_t>(i)] = i;
  EXPECT_LT(disruption(before, MaglevTable(endpoints), same), 0.05);
}

// Main builds it at a reload; the bound is far above what it takes (see the property), so that only
// a change of its order of growth can fail here.
TEST(MaglevTable, AThousandEndpointsAreBuiltInWellUnderASecond) {
  std::vector<std::uint32_t> weights(1000, 1);
  weights[0] = 1'000'000;
  for (const auto& endpoints :
       {endpoints_of(std::vector<std::uint32_t>(1000, 100)), endpoints_of(weights)}) {
    const auto start = std::chrono::steady_clock::now();
    const MaglevTable table(endpoints);
    const auto took = std::chrono::steady_clock::now() - start;
    RecordProperty("build_us", std::to_string(std::chrono::nanoseconds(took).count() / 1000));
    EXPECT_LT(took, std::chrono::seconds(2));
  }
}

}  // namespace
}  // namespace proxy
