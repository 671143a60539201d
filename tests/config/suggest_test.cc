// The nearest word to a misspelt one.
#include "config/suggest.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace config {
namespace {

constexpr std::array<std::string_view, 4> kWords = {"listeners", "upstreams", "dns", "log"};

TEST(Suggest, CountsEditsAndSwapsOfNeighboursAsOne) {
  EXPECT_EQ(edit_distance("bind", "bind", 2), 0U);
  EXPECT_EQ(edit_distance("bnid", "bind", 2), 1U);
  EXPECT_EQ(edit_distance("bin", "bind", 2), 1U);
  EXPECT_EQ(edit_distance("bound", "bind", 2), 2U);
  EXPECT_EQ(edit_distance("", "ab", 2), 2U);
}

TEST(Suggest, ReportsAnythingFartherAsOneMoreThanTheLimit) {
  EXPECT_EQ(edit_distance("abcd", "wxyz", 2), 3U);
  EXPECT_EQ(edit_distance("a", "abcdefgh", 2), 3U);
  EXPECT_EQ(edit_distance(std::string(65, 'x'), std::string(65, 'x'), 2), 3U);
}

TEST(Suggest, FindsTheNearestWord) {
  EXPECT_EQ(nearest("listners", kWords), "listeners");
  EXPECT_EQ(nearest("upstrems", kWords), "upstreams");
  EXPECT_EQ(nearest("lgo", kWords), "log");
}

TEST(Suggest, TakesTheNearestOfSeveral) {
  constexpr std::array<std::string_view, 3> kClose = {"weights", "weigth", "weight"};
  EXPECT_EQ(nearest("weight", kClose), "weight");
  EXPECT_EQ(nearest("weightz", kClose), "weights");
}

TEST(Suggest, SaysNothingRatherThanSomethingFar) {
  EXPECT_EQ(nearest("cluster", kWords), "");
  EXPECT_EQ(nearest("ip", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest("log", {}), "");
}

TEST(Suggest, LooksAtABoundedNumberOfWords) {
  std::vector<std::string_view> many(1000, "zzzzzzzzz");
  many.emplace_back("listeners");
  EXPECT_EQ(nearest("listeners", many), "");
}

}  // namespace
}  // namespace config
