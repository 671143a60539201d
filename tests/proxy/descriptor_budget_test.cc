#include "proxy/descriptor_budget.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstddef>

namespace proxy {
namespace {

TEST(DescriptorBudget, NeverHandsOutMoreThanThereIs) {
  for (const std::size_t descriptors : {1024U, 4096U, 20000U, 1048576U}) {
    for (const std::size_t workers : {1U, 2U, 16U}) {
      const auto share = share_of_descriptors(descriptors, workers);
      const std::size_t used = workers * (share.connections_max + 2 * share.pipes_max);
      EXPECT_LT(used, descriptors) << descriptors << " for " << workers;
    }
  }
}

TEST(DescriptorBudget, KeepsAnUpstreamConnectionForEveryClient) {
  const auto share = share_of_descriptors(20000, 2);
  EXPECT_EQ(share.clients_max * 2 + pooled_max(share), share.connections_max);
  EXPECT_GT(share.clients_max, 4400U);
  EXPECT_GE(pooled_max(share), share.connections_max / 16);
}

TEST(DescriptorBudget, LeavesAWorkerSomethingToWorkWithWhateverTheLimit) {
  const auto share = share_of_descriptors(64, 64);
  EXPECT_GE(share.clients_max, 1U);
  EXPECT_GE(pooled_max(share), 1U);
}

TEST(DescriptorBudget, RaisesTheSoftLimitToTheHardOne) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit before = limit;
  limit.rlim_cur = limit.rlim_max / 2;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace proxy
