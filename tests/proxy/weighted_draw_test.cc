#include "proxy/weighted_draw.h"

#include <limits>

#include "base/prng.h"
#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::endpoints_of;
using testing::expect_shares;

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

TEST(WeightedDraw, BothEndsOfTheRangeFallOnEndpointsWithAWeight) {
  const WeightedDraw draw(endpoints_of({0, 0, 5, 0, 3, 0}));
  EXPECT_EQ(draw.draw(0), 2);
  EXPECT_EQ(draw.draw(kLargest), 4);
}

TEST(WeightedDraw, LeavingOutOneKeepsTheOthersShares) {
  const std::vector<std::uint32_t> weights = {4, 1, 0, 3, 2, 6};
  const auto endpoints = endpoints_of(weights);
  const WeightedDraw draw(endpoints);
  Candidates candidates(endpoints);
  base::Prng prng(3);
  for (std::size_t index = 0; index < weights.size(); ++index) {
    const auto left_out = static_cast<std::uint16_t>(index);
    const std::uint16_t also = 3;
    ASSERT_TRUE(candidates.begin(std::vector<std::uint16_t>{left_out, also}));
    auto expected = weights;
    expected[left_out] = expected[also] = 0;
    std::vector<std::uint32_t> counts(weights.size());
    for (int i = 0; i < 400'000; ++i) ++counts[draw.draw(prng.next(), candidates)];
    expect_shares(counts, expected, 0.02);
  }
}

TEST(WeightedDraw, OneHugeWeightDoesNotHideTheOthers) {
  const auto endpoints = endpoints_of({1, std::numeric_limits<std::uint32_t>::max(), 1});
  const WeightedDraw draw(endpoints);
  Candidates candidates(endpoints);
  ASSERT_TRUE(candidates.begin(std::vector<std::uint16_t>{1}));
  EXPECT_EQ(draw.draw(0, candidates), 0);
  EXPECT_EQ(draw.draw(kLargest, candidates), 2);
}

}  // namespace
}  // namespace proxy
