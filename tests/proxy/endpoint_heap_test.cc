#include "proxy/endpoint_heap.h"

#include "tests/proxy/balancing.h"

namespace proxy {
namespace {

using testing::endpoints_of;
using testing::expect_shares;

// Virtual time starts over every 2^18 turns of weight 1: several times here.
TEST(EndpointHeap, SharesStayExactWhenVirtualTimeStartsOver) {
  const std::vector<std::uint32_t> weights = {1, 2, 3};
  const auto endpoints = endpoints_of(weights);
  EndpointHeap heap(endpoints, 11);
  Candidates candidates(endpoints);
  ASSERT_TRUE(candidates.begin({}));
  std::vector<std::uint32_t> counts(weights.size());
  for (int i = 0; i < 6'000'000; ++i) ++counts[heap.take(candidates)];
  expect_shares(counts, weights, 0.00001, 10);
}

TEST(EndpointHeap, ASessionOutweighsAnyNumberOfTurns) {
  const auto endpoints = endpoints_of({1, 1});
  EndpointHeap heap(endpoints, 0);
  Candidates candidates(endpoints);
  ASSERT_TRUE(candidates.begin({}));
  heap.session_started(0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(heap.take(candidates), 1);
  heap.session_ended(0);
  int of_zero = 0;
  for (int i = 0; i < 20; ++i) of_zero += heap.take(candidates) == 0 ? 1 : 0;
  EXPECT_GE(of_zero, 10);
  EXPECT_LE(of_zero, 11) << "one turn was owed, not a hundred";
}

TEST(EndpointHeapDeathTest, ASessionCannotEndTwice) {
  const auto endpoints = endpoints_of({1, 1});
  EndpointHeap heap(endpoints, 0);
  heap.session_started(0);
  heap.session_ended(0);
  EXPECT_DEATH(heap.session_ended(0), "sessions > 0");
}

}  // namespace
}  // namespace proxy
