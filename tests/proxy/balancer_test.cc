#include "proxy/balancer.h"

#include "proxy/maglev_table.h"
#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using config::Balance;
using testing::count_picks;
using testing::endpoints_of;

// Other instances and other versions must come to the same numbers.
TEST(BalancingKey, NeverChanges) {
  EXPECT_EQ(balancing_key("127.0.0.1:80"), 2369562380905863771U);
  EXPECT_EQ(balancing_key("unix:/run/x.sock"), 6662897102564963113U);
}

TEST(MakeBalancer, EveryPolicyPicksAmongAThousandEndpointsAndCountsSessions) {
  const auto endpoints = endpoints_of(std::vector<std::uint32_t>(1000, 100));
  const MaglevTable table(endpoints);
  for (const Balance policy : {Balance::kRoundRobin, Balance::kLeastSessions, Balance::kRandomTwo,
                               Balance::kSourceHash, Balance::kMaglev, Balance::kFirst}) {
    SCOPED_TRACE(static_cast<int>(policy));
    const auto balancer = make_balancer(policy, endpoints, &table, 1);
    const auto counts = count_picks(*balancer, endpoints.size(), 50'000);
    const auto picked = std::count_if(counts.begin(), counts.end(), [](auto n) { return n > 0; });
    EXPECT_EQ(picked, policy == Balance::kFirst ? 1 : 1000);
    balancer->session_started(999);
    balancer->session_ended(999);
  }
}

}  // namespace
}  // namespace proxy
