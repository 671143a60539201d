// Slots that come and go: none twice, none lost, and each a clean pair.
#include "backends/dpdk/splice_core/pair_slab.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "base/prng.h"

namespace {

using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;
using backends::dpdk::splice_core::PageWish;
using backends::dpdk::splice_core::Pair;
using backends::dpdk::splice_core::PairSlab;
using backends::dpdk::splice_core::PairState;

// Zero in every byte that has a name: filled with ones first, so that nothing is zero by luck.
template <typename Ip>
void expect_fresh(const Pair<Ip>& pair) {
  EXPECT_EQ(pair.remote, (std::array<Ip, 2>{}));
  EXPECT_EQ(pair.local, (std::array<Ip, 2>{}));
  EXPECT_EQ(pair.remote_port, (std::array<std::uint16_t, 2>{}));
  EXPECT_EQ(pair.local_port, (std::array<std::uint16_t, 2>{}));
  EXPECT_EQ(pair.seq_shift, (std::array<std::uint32_t, 2>{}));
  EXPECT_EQ(pair.acked, (std::array<std::uint32_t, 2>{}));
  EXPECT_EQ(pair.sent, (std::array<std::uint32_t, 2>{}));
  EXPECT_EQ(pair.active, 0U);
  EXPECT_EQ(pair.hop, (std::array<std::uint16_t, 2>{}));
  EXPECT_EQ(pair.flags, 0U);
  EXPECT_EQ(pair.state, PairState::kOpen);
  EXPECT_EQ(pair.window_scale, (std::array<std::uint8_t, 2>{}));
}

template <typename Ip>
class PairSlabOf : public testing::Test {};
using Families = testing::Types<Ip4, Ip6>;
TYPED_TEST_SUITE(PairSlabOf, Families);

TYPED_TEST(PairSlabOf, GivesEverySlotOnceAndThenNone) {
  PairSlab<TypeParam> slab(100, PageWish::kPlain);
  std::set<std::uint32_t> slots;
  for (std::uint32_t count = 0; count < 100; ++count) {
    const std::uint32_t slot = slab.take();
    ASSERT_LT(slot, 100U);
    EXPECT_TRUE(slots.insert(slot).second);
    expect_fresh(slab[slot]);
  }
  EXPECT_EQ(slab.take(), PairSlab<TypeParam>::kNone);
  EXPECT_EQ(slab.size(), 100U);
  slab.give_back(42);
  EXPECT_EQ(slab.take(), 42U);
}

TYPED_TEST(PairSlabOf, GivesASlotAgainCleanButWithAnotherStamp) {
  PairSlab<TypeParam> slab(4, PageWish::kPlain);
  const std::uint32_t slot = slab.take();
  const std::uint16_t stamp = slab[slot].stamp;
  std::memset(static_cast<void*>(&slab[slot]), 0xff, sizeof slab[slot]);
  slab[slot].stamp = stamp;
  slab[slot].state = PairState::kLingering;
  slab.give_back(slot);
  EXPECT_EQ(slab[slot].state, PairState::kFree);
  ASSERT_EQ(slab.take(), slot);
  expect_fresh(slab[slot]);
  EXPECT_EQ(slab[slot].stamp, stamp + 1);
}

TYPED_TEST(PairSlabOf, CountsItsStampsRoundTheirEnd) {
  PairSlab<TypeParam> slab(1, PageWish::kPlain);
  const std::uint32_t slot = slab.take();
  slab[slot].stamp = 0xffff;
  slab.give_back(slot);
  ASSERT_EQ(slab.take(), slot);
  EXPECT_EQ(slab[slot].stamp, 0U);
}

TYPED_TEST(PairSlabOf, GivesTheLastFreedSlotFirst) {
  PairSlab<TypeParam> slab(8, PageWish::kPlain);
  for (int count = 0; count < 5; ++count) slab.take();
  for (const std::uint32_t slot : {1U, 4U, 0U}) slab.give_back(slot);
  for (const std::uint32_t slot : {0U, 4U, 1U, 5U}) EXPECT_EQ(slab.take(), slot);
}

TYPED_TEST(PairSlabOf, UsesNoNewSlotWhileOneIsFree) {
  PairSlab<TypeParam> slab(1000, PageWish::kPlain);
  EXPECT_EQ(slab.used_slots(), 0U);
  EXPECT_EQ(slab.memory_bytes(), 0U);
  base::Prng prng(7);
  std::vector<std::uint32_t> taken;
  std::size_t most = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (taken.empty() || (prng.chance(500) && taken.size() < 200)) {
      taken.push_back(slab.take());
    } else {
      const std::size_t at = prng.below(taken.size());
      slab.give_back(taken[at]);
      taken[at] = taken.back();
      taken.pop_back();
    }
    most = std::max(most, taken.size());
    ASSERT_EQ(slab.size(), taken.size());
    ASSERT_EQ(slab.used_slots(), most);
  }
  EXPECT_EQ(std::set<std::uint32_t>(taken.begin(), taken.end()).size(), taken.size());
  EXPECT_EQ(slab.memory_bytes(), most * sizeof(Pair<TypeParam>));
}

TYPED_TEST(PairSlabOf, ReservesTenMillionPairsWithoutTheirMemory) {
  PairSlab<TypeParam> slab(10'000'000, PageWish::kTransparent);
  EXPECT_EQ(slab.capacity(), 10'000'000U);
  EXPECT_EQ(slab.memory_bytes(), 0U);
  slab.prefetch(9'999'999);
  EXPECT_EQ(slab[9'999'999].state, PairState::kFree);
}

TYPED_TEST(PairSlabOf, PutsEveryPairOnItsOwnCacheLines) {
  PairSlab<TypeParam> slab(3, PageWish::kPlain);
  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&slab[slot]) % 64, 0U);
  }
}

using PairSlabDeathTest = PairSlabOf<Ip4>;

TEST_F(PairSlabDeathTest, TakesNoSlotBackTwice) {
  PairSlab<Ip4> slab(3, PageWish::kPlain);
  const std::uint32_t slot = slab.take();
  slab.give_back(slot);
  EXPECT_DEATH(slab.give_back(slot), "kFree");
}

TEST_F(PairSlabDeathTest, TakesNoSlotBackThatItNeverGave) {
  PairSlab<Ip4> slab(3, PageWish::kPlain);
  slab.take();
  EXPECT_DEATH(slab.give_back(1), "used_slots_");
}

TEST_F(PairSlabDeathTest, DiesOfACapacityThatItsSlotsCannotName) {
  EXPECT_DEATH(PairSlab<Ip4>(std::size_t{1} << 29U, PageWish::kPlain), "capacity");
  EXPECT_DEATH(PairSlab<Ip4>(0, PageWish::kPlain), "capacity");
}

}  // namespace
