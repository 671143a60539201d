#include "proxy/balance_first.h"

#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::endpoints_of;

TEST(BalanceFirst, PicksInTheFilesOrderWhatIsLeft) {
  BalanceFirst balancer(endpoints_of({0, 5, 100, 0, 1}));
  std::vector<std::uint16_t> tried;
  for (const std::uint16_t expected : std::vector<std::uint16_t>{1, 2, 4}) {
    for (int again = 0; again < 3; ++again) {
      EXPECT_EQ(balancer.pick({.client = {}, .tried = tried}),
                std::optional<std::uint16_t>(expected));
    }
    tried.push_back(expected);
  }
  EXPECT_FALSE(balancer.pick({.client = {}, .tried = tried}).has_value());
  EXPECT_EQ(balancer.pick({}), std::optional<std::uint16_t>(1)) << "the first one is back";
}

TEST(BalanceFirst, AThousandFullEndpointsAreSteppedOver) {
  BalanceFirst balancer(endpoints_of(std::vector<std::uint32_t>(1000, 1)));
  std::vector<std::uint16_t> tried;
  for (std::uint16_t i = 0; i < 999; ++i) tried.push_back(i);
  EXPECT_EQ(balancer.pick({.client = {}, .tried = tried}), std::optional<std::uint16_t>(999));
}

TEST(BalanceFirst, RespectsTriedAndWeights) {
  testing::expect_respects_tried(config::Balance::kFirst, testing::no_table);
}

}  // namespace
}  // namespace proxy
