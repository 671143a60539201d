#include "proxy/tiers.h"

#include <gtest/gtest.h>

namespace proxy {
namespace {

using config::AllDown;

class TiersTest : public testing::Test {
 protected:
  void add(std::uint32_t priority, bool well, std::uint32_t weight = 100) {
    auto endpoint = std::make_unique<Endpoint>();
    endpoint->priority = priority;
    endpoint->weight = weight;
    endpoint->well = well;
    endpoints_.push_back(std::move(endpoint));
  }
  std::vector<std::uint16_t> sorted(AllDown all_down, std::size_t tiers) {
    EXPECT_EQ(sort_into_tiers(endpoints_, all_down), tiers);
    std::vector<std::uint16_t> result;
    for (const auto& endpoint : endpoints_) result.push_back(endpoint->tier);
    return result;
  }

  std::vector<std::unique_ptr<Endpoint>> endpoints_;
};

TEST_F(TiersTest, NobodyHasNoTier) {
  EXPECT_TRUE(sorted(AllDown::kTryAll, 0).empty());
  add(0, false, 0);
  EXPECT_EQ(sorted(AllDown::kTryAll, 0), std::vector<std::uint16_t>{kNoTier});
}

TEST_F(TiersTest, PrioritiesAreTiersAndTheirNumbersMayHaveGaps) {
  add(20, true);
  add(3, true);
  add(3, false);
  add(20, true);
  add(1, false);
  EXPECT_EQ(sorted(AllDown::kRefuse, 2), (std::vector<std::uint16_t>{1, 0, kNoTier, 1, kNoTier}));
}

TEST_F(TiersTest, WhenNobodyIsWellEverybodyWithAWeightOrNobodyIsUsable) {
  add(1, false);
  add(0, false);
  add(0, false, 0);
  EXPECT_EQ(sorted(AllDown::kRefuse, 0), (std::vector<std::uint16_t>{kNoTier, kNoTier, kNoTier}));
  EXPECT_EQ(sorted(AllDown::kTryAll, 2), (std::vector<std::uint16_t>{1, 0, kNoTier}));
}

TEST_F(TiersTest, ThereAreNoMoreTiersThanASessionCanTry) {
  for (std::uint32_t i = 0; i < 100; ++i) add(i, true);
  const auto tiers = sorted(AllDown::kRefuse, kTiersMax);
  EXPECT_EQ(tiers[kTiersMax - 1], kTiersMax - 1);
  EXPECT_EQ(tiers[kTiersMax], kNoTier);
}

}  // namespace
}  // namespace proxy
