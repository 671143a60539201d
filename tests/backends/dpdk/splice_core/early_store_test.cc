// Kept segments: lists, their order, and the budget.
#include "backends/dpdk/splice_core/early_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace backends::dpdk::splice_core {
namespace {

std::vector<std::byte> packet(std::size_t size, unsigned value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

TEST(EarlyStore, ListsKeepTheirOrderAndDoNotMix) {
  EarlyStore store(100 * EarlyStore::kPacketMax);
  std::uint32_t first[2] = {EarlyStore::kNone, EarlyStore::kNone};
  std::uint32_t last[2] = {EarlyStore::kNone, EarlyStore::kNone};
  for (unsigned i = 0; i < 20; ++i) {
    last[i % 2] = store.add(last[i % 2], packet(i + 1, i));
    ASSERT_NE(last[i % 2], EarlyStore::kNone);
    if (i < 2) first[i] = last[i];
  }
  EXPECT_EQ(store.bytes(), 210U);
  for (unsigned list = 0; list < 2; ++list) {
    unsigned i = list;
    for (std::uint32_t at = first[list]; at != EarlyStore::kNone; at = store.next(at), i += 2) {
      EXPECT_TRUE(std::ranges::equal(store.at(at), packet(i + 1, i)));
    }
    EXPECT_EQ(i, 20 + list);
    store.free_list(first[list]);
  }
  EXPECT_EQ(store.bytes(), 0U);
}

TEST(EarlyStore, PastTheBudgetThereIsNoneUntilAListIsFreed) {
  EarlyStore store(2 * EarlyStore::kPacketMax);
  const std::uint32_t first = store.add(EarlyStore::kNone, packet(1, 1));
  const std::uint32_t second = store.add(first, packet(1, 2));
  EXPECT_EQ(store.add(second, packet(1, 3)), EarlyStore::kNone);
  EXPECT_EQ(store.next(second), EarlyStore::kNone);
  store.free_list(first);
  EXPECT_NE(store.add(EarlyStore::kNone, packet(EarlyStore::kPacketMax, 4)), EarlyStore::kNone);
}

TEST(EarlyStore, APacketLargerThanASlotIsNotKept) {
  EarlyStore store(10 * EarlyStore::kPacketMax);
  EXPECT_EQ(store.add(EarlyStore::kNone, packet(EarlyStore::kPacketMax + 1, 1)), EarlyStore::kNone);
  EXPECT_EQ(store.bytes(), 0U);
  store.free_list(EarlyStore::kNone);
}

}  // namespace
}  // namespace backends::dpdk::splice_core
