// The facts about a pair's layout that the rest of the core leans on.
#include "backends/dpdk/splice_core/pair.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace {

using namespace backends::dpdk::splice_core;  // NOLINT(google-build-using-namespace)

template <typename Ip>
class PairOf : public testing::Test {};
using Families = testing::Types<Ip4, Ip6>;
TYPED_TEST_SUITE(PairOf, Families);

// The slab never constructs a pair: memory that was never written is a free one.
TYPED_TEST(PairOf, IsFreeWhereMemoryIsZero) {
  static_assert(std::is_trivially_copyable_v<Pair<TypeParam>>);
  static_assert(std::is_trivially_destructible_v<Pair<TypeParam>>);
  static_assert(std::is_aggregate_v<Pair<TypeParam>>);
  const Pair<TypeParam> fresh{};
  std::array<std::byte, sizeof fresh> zeros{};
  Pair<TypeParam> zeroed;
  std::memcpy(static_cast<void*>(&zeroed), zeros.data(), zeros.size());
  EXPECT_EQ(zeroed.state, PairState::kFree);
  EXPECT_EQ(zeroed.flow(Side::kClient), fresh.flow(Side::kClient));
  EXPECT_EQ(zeroed.stamp, fresh.stamp);
  EXPECT_EQ(zeroed.active, fresh.active);
}

// The one line of an IPv4 pair is all that a packet loads; of an IPv6 pair, the addresses are the
// first and everything that changes is on the second.
TYPED_TEST(PairOf, KeepsWhatChangesOnItsLastCacheLine) {
  const Pair<TypeParam> pair{};
  const auto line_of = [&](const auto& member) {
    return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&member) -
                                    reinterpret_cast<const std::byte*>(&pair)) /
           64;
  };
  const std::size_t last = sizeof pair / 64 - 1;
  EXPECT_EQ(line_of(pair.remote), 0U);
  EXPECT_EQ(line_of(pair.local[1]), 0U);
  EXPECT_EQ(line_of(pair.remote_port), last);
  EXPECT_EQ(line_of(pair.seq_shift), last);
  EXPECT_EQ(line_of(pair.acked), last);
  EXPECT_EQ(line_of(pair.sent), last);
  EXPECT_EQ(line_of(pair.state), last);
}

TYPED_TEST(PairOf, NamesTheFlowOfEachLegAsItsSegmentsArrive) {
  std::array<TypeParam, 4> addresses{};
  for (unsigned index = 0; index < 4; ++index) {
    std::memset(static_cast<void*>(&addresses[index]), static_cast<int>(index + 1),
                sizeof(TypeParam));
  }
  Pair<TypeParam> pair{};
  pair.remote = {addresses[0], addresses[1]};
  pair.local = {addresses[2], addresses[3]};
  pair.remote_port = {10, 11};
  pair.local_port = {12, 13};
  EXPECT_EQ(pair.flow(Side::kClient), (FlowKey<TypeParam>{addresses[0], addresses[2], 10, 12}));
  EXPECT_EQ(pair.flow(Side::kUpstream), (FlowKey<TypeParam>{addresses[1], addresses[3], 11, 13}));
}

TEST(Side, HasAnotherOneAndAnIndex) {
  EXPECT_EQ(other(Side::kClient), Side::kUpstream);
  EXPECT_EQ(other(Side::kUpstream), Side::kClient);
  EXPECT_EQ(index_of(Side::kClient), 0U);
  EXPECT_EQ(index_of(Side::kUpstream), 1U);
}

TEST(PairFlag, IsEachABitOfItsOwn) {
  unsigned seen = 0;
  for (const PairFlag flag : {kFinFromClient, kFinFromUpstream, kFinAckedByUpstream,
                              kFinAckedByClient, kClientLacksSack, kUpstreamLacksSack, kNoted}) {
    EXPECT_EQ(seen & flag, 0U);
    seen |= flag;
  }
  EXPECT_EQ(seen, 0x7fU);
}

}  // namespace
