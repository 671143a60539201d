#include "backends/dpdk/splice_core/drop_reason.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace backends::dpdk::splice_core {
namespace {

TEST(DropReason, EachHasANameOfItsOwnThatAMetricMayCarry) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const std::string_view name = name_of(static_cast<DropReason>(i));
    EXPECT_FALSE(name.empty()) << i;
    EXPECT_TRUE(std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_';
    })) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

TEST(DropReason, NamesStandInTheOrderOfTheReasons) {
  // Spot checks along the list: a name left out or doubled moves those behind it.
  EXPECT_EQ(name_of(DropReason::kShort), "short");
  EXPECT_EQ(name_of(DropReason::kFragment), "fragment");
  EXPECT_EQ(name_of(DropReason::kNotForUs), "not_for_us");
  EXPECT_EQ(name_of(DropReason::kTableFull), "table_full");
  EXPECT_EQ(name_of(DropReason::kEarlyData), "early_data");
  EXPECT_EQ(name_of(DropReason::kIcmpLimited), "icmp_limited");
  EXPECT_EQ(name_of(DropReason::kNoBuffer), "no_buffer");
}

}  // namespace
}  // namespace backends::dpdk::splice_core
