// What the balancers' tests share: endpoints, clients, and counting of picks.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proxy/balancer.h"

namespace proxy::testing {

// With the keys of 10.0.0.1:80, 10.0.0.2:80, ...
inline std::vector<BalancedEndpoint> endpoints_of(const std::vector<std::uint32_t>& weights) {
  std::vector<BalancedEndpoint> endpoints;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::string address =
        "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":80";
    endpoints.push_back({.weight = weights[i], .key = balancing_key(address), .sessions = 0});
  }
  return endpoints;
}

// The v4 client number `number`; another number, another IP.
inline base::IpPort client_of(std::uint32_t number, std::uint16_t port = 40000) {
  base::IpPort client;
  client.family = base::Family::kV4;
  client.port = port;
  for (std::size_t i = 0; i < 4; ++i) {
    client.bytes[i] = static_cast<std::uint8_t>(number >> (24U - 8U * i));
  }
  return client;
}

inline base::IpPort unix_client() {
  base::IpPort client;
  client.family = base::Family::kUnix;
  return client;
}

// Picks for clients 0, 1, 2, ...; the sessions end at once. By endpoint.
inline std::vector<std::uint32_t> count_picks(Balancer& balancer, std::size_t endpoints,
                                              std::uint32_t picks,
                                              std::vector<std::uint16_t> tried = {}) {
  std::vector<std::uint32_t> counts(endpoints);
  for (std::uint32_t i = 0; i < picks; ++i) {
    const auto picked = balancer.pick({.client = client_of(i), .tried = tried});
    if (!picked.has_value() || *picked >= endpoints) {
      ADD_FAILURE() << "pick " << i << " gave nothing";
      break;
    }
    ++counts[*picked];
  }
  return counts;
}

// Each endpoint's count is its weight's share of all, to within `tolerance` of that share, or
// within `slack` picks where a share is small.
inline void expect_shares(const std::vector<std::uint32_t>& counts,
                          const std::vector<std::uint32_t>& weights, double tolerance,
                          double slack = 1) {
  ASSERT_EQ(counts.size(), weights.size());
  double picks = 0;
  double sum = 0;
  for (const std::uint32_t count : counts) picks += count;
  for (const std::uint32_t weight : weights) sum += weight;
  ASSERT_GT(picks, 0);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double share = picks * weights[i] / sum;
    if (weights[i] == 0) {
      EXPECT_EQ(counts[i], 0U) << "endpoint " << i << " has no weight";
    } else {
      EXPECT_NEAR(counts[i], share, std::max(share * tolerance, slack)) << "endpoint " << i;
    }
  }
}

using TableOf = std::function<const MaglevTable*(const std::vector<BalancedEndpoint>&)>;

// What holds for every policy: nothing to pick is nullopt; tried and weightless ones are never
// picked; the last one left is found; indices that do not exist are ignored.
inline void expect_respects_tried(config::Balance policy, const TableOf& table) {
  const std::vector<BalancedEndpoint> none;
  EXPECT_FALSE(make_balancer(policy, none, table(none), 1)->pick({}).has_value());

  const auto weightless = endpoints_of({0, 0});
  EXPECT_FALSE(make_balancer(policy, weightless, table(weightless), 1)->pick({}).has_value());

  const auto endpoints = endpoints_of({10, 0, 30, 1, 30});
  const auto balancer = make_balancer(policy, endpoints, table(endpoints), 1);
  const std::vector<std::uint16_t> weighted = {0, 2, 3, 4};
  for (std::uint32_t subset = 0; subset < 16; ++subset) {
    std::vector<std::uint16_t> tried = {999, 1};
    std::set<std::uint16_t> left;
    for (std::uint32_t i = 0; i < weighted.size(); ++i) {
      if ((subset >> i & 1U) != 0) {
        left.insert(weighted[i]);
      } else {
        tried.insert(tried.end(), 2, weighted[i]);
      }
    }
    for (std::uint32_t i = 0; i < 200; ++i) {
      const base::IpPort client = i % 10 == 0 ? unix_client() : client_of(i);
      const auto picked = balancer->pick({.client = client, .tried = tried});
      ASSERT_EQ(picked.has_value(), !left.empty());
      if (!picked) continue;
      ASSERT_TRUE(left.contains(*picked)) << *picked;
    }
  }

  const auto single = endpoints_of({7});
  const auto alone = make_balancer(policy, single, table(single), 1);
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(alone->pick({.client = client_of(i), .tried = {}}), std::optional<std::uint16_t>(0));
  }
}

inline const MaglevTable* no_table(const std::vector<BalancedEndpoint>&) { return nullptr; }

}  // namespace proxy::testing
