// Slots that are used again, and names that must not be.
#include "base/slab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/prng.h"

namespace {

using base::Slab;
using base::SlotId;

TEST(Slab, FindsWhatItHolds) {
  Slab<int> slab(4);
  const SlotId seven = slab.emplace(7);
  const SlotId eight = slab.emplace(8);
  ASSERT_NE(slab.find(seven), nullptr);
  EXPECT_EQ(*slab.find(seven), 7);
  EXPECT_EQ(slab[eight], 8);
  EXPECT_EQ(slab.size(), 2U);
}

TEST(Slab, ForgetsAnErasedObjectEvenWhenItsSlotIsReused) {
  Slab<int> slab(1);
  const SlotId old = slab.emplace(1);
  slab.erase(old);
  EXPECT_EQ(slab.find(old), nullptr);
  const SlotId young = slab.emplace(2);
  EXPECT_EQ(young.slot, old.slot);
  EXPECT_NE(young.generation, old.generation);
  EXPECT_EQ(slab.find(old), nullptr);
  EXPECT_EQ(slab[young], 2);
}

TEST(Slab, FindsNothingUnderTheNullName) {
  Slab<int> slab(4);
  EXPECT_EQ(slab.find(SlotId{}), nullptr);
  slab.emplace(1);
  EXPECT_EQ(slab.find(SlotId{}), nullptr);
}

TEST(Slab, FindsNothingUnderANameItNeverGave) {
  Slab<int> slab(4);
  slab.emplace(1);
  EXPECT_EQ(slab.find(SlotId{.slot = 3, .generation = 1}), nullptr);
  EXPECT_EQ(slab.find(SlotId{.slot = UINT32_MAX, .generation = 1}), nullptr);
}

TEST(Slab, SaysNoWhenItIsFullAndTakesAgainAfterAnErase) {
  Slab<int> slab(2);
  const SlotId first = slab.emplace(1);
  slab.emplace(2);
  EXPECT_TRUE(slab.full());
  EXPECT_EQ(slab.emplace(3), SlotId{});
  slab.erase(first);
  EXPECT_FALSE(slab.full());
  EXPECT_NE(slab.emplace(3), SlotId{});
}

TEST(Slab, HoldsNothingWithNoCapacity) {
  Slab<int> slab(0);
  EXPECT_TRUE(slab.full());
  EXPECT_EQ(slab.emplace(1), SlotId{});
}

TEST(Slab, NeverMovesAnObject) {
  Slab<int> slab(2000);
  const SlotId first = slab.emplace(1);
  const int* address = slab.find(first);
  for (int i = 0; i < 1999; ++i) ASSERT_NE(slab.emplace(i), SlotId{});
  EXPECT_EQ(slab.find(first), address);
}

TEST(Slab, HoldsWhatCannotBeMovedOrCopied) {
  struct Stone {
    explicit Stone(int grams) : weight(grams) {}
    Stone(const Stone&) = delete;
    Stone& operator=(const Stone&) = delete;
    int weight;
  };
  Slab<Stone> slab(1);
  EXPECT_EQ(slab[slab.emplace(5)].weight, 5);
}

TEST(Slab, DestroysEachObjectOnce) {
  const auto count = std::make_shared<int>(0);
  {
    Slab<std::shared_ptr<int>> slab(10);
    const SlotId erased = slab.emplace(count);
    slab.emplace(count);
    slab.emplace(count);
    EXPECT_EQ(count.use_count(), 4);
    slab.erase(erased);
    EXPECT_EQ(count.use_count(), 3);
  }
  EXPECT_EQ(count.use_count(), 1);
}

TEST(Slab, VisitsAllInSlotOrderAndLetsTheVisitorEraseTheObject) {
  Slab<int> slab(600);
  std::vector<SlotId> ids(600);
  for (int i = 0; i < 600; ++i) ids[static_cast<std::size_t>(i)] = slab.emplace(i);
  std::vector<int> visited;
  slab.for_each([&](SlotId id, int& value) {
    visited.push_back(value);
    if (value % 2 == 0) slab.erase(id);
  });
  ASSERT_EQ(visited.size(), 600U);
  EXPECT_TRUE(std::is_sorted(visited.begin(), visited.end()));
  EXPECT_EQ(slab.size(), 300U);
  EXPECT_EQ(slab.find(ids[0]), nullptr);
  EXPECT_EQ(slab[ids[1]], 1);
}

TEST(Slab, AgreesWithAPlainMapOverARandomLife) {
  struct Entry {
    SlotId id;
    std::uint64_t value;
  };
  constexpr std::size_t kCapacity = 300;
  Slab<std::uint64_t> slab(kCapacity);
  std::vector<Entry> alive;
  std::vector<SlotId> dead;
  base::Prng prng(1);
  for (int step = 0; step < 20'000; ++step) {
    if (prng.chance(520)) {
      const std::uint64_t value = prng.next();
      const SlotId id = slab.emplace(value);
      ASSERT_EQ(id == SlotId{}, alive.size() == kCapacity);
      if (id != SlotId{}) alive.push_back({id, value});
    } else if (!alive.empty()) {
      const std::size_t at = prng.below(alive.size());
      ASSERT_EQ(slab[alive[at].id], alive[at].value);
      slab.erase(alive[at].id);
      dead.push_back(alive[at].id);
      alive[at] = alive.back();
      alive.pop_back();
    }
  }
  ASSERT_EQ(slab.size(), alive.size());
  for (const Entry& entry : alive) ASSERT_EQ(slab[entry.id], entry.value);
  for (const SlotId id : dead) ASSERT_EQ(slab.find(id), nullptr);
}

TEST(SlabDeathTest, StopsTheProcessOnAStaleName) {
  Slab<int> slab(1);
  const SlotId id = slab.emplace(1);
  slab.erase(id);
  EXPECT_DEATH(slab[id] = 2, "CHECK failed");
  EXPECT_DEATH(slab.erase(id), "CHECK failed");
}

}  // namespace
