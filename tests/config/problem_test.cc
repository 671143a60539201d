// Problems: their printed form, their order, their bound.
#include "config/problem.h"

#include <gtest/gtest.h>

namespace config {
namespace {

TEST(Problem, PrintsInTheFormThatEditorsJumpTo) {
  EXPECT_EQ(to_string("m.yaml", {{.line = 3, .column = 7}, "unknown key 'x'"}),
            "m.yaml:3:7: error: unknown key 'x'");
}

TEST(Problem, QuotesWithoutLettingControlBytesThrough) {
  EXPECT_EQ(quote("plain"), "'plain'");
  EXPECT_EQ(quote("a\x1b[2J\n"), "'a\\x1b[2J\\x0a'");
  EXPECT_EQ(quote("\x7f"), "'\\x7f'");
}

TEST(Problem, ShortensLongTextBetweenCharacters) {
  EXPECT_EQ(quote(std::string(64, 'x')), "'" + std::string(64, 'x') + "'");
  EXPECT_EQ(quote(std::string(65, 'x')), "'" + std::string(64, 'x') + "...'");
  EXPECT_EQ(quote(std::string(63, 'x') + "\xc3\xa9y"), "'" + std::string(63, 'x') + "...'");
}

TEST(Problem, MarksAreEqualWhereverTheyPoint) {
  EXPECT_EQ((Mark{.line = 1, .column = 1}), (Mark{.line = 2, .column = 9}));
}

TEST(Problems, ComeOutInTheOrderOfTheFile) {
  Problems problems;
  EXPECT_TRUE(problems.empty());
  problems.add({.line = 2, .column = 1}, "c");
  problems.add({.line = 1, .column = 9}, "b");
  problems.add({.line = 1, .column = 2}, "a");
  problems.add({.line = 2, .column = 1}, "d");
  std::string order;
  for (const Problem& problem : problems.sorted()) order += problem.text;
  EXPECT_EQ(order, "abcd");
}

TEST(Problems, KeepAHundredAndCountTheRest) {
  Problems problems;
  for (std::uint32_t i = 1; i <= Problems::kMax + 7; ++i) {
    EXPECT_EQ(problems.full(), i > Problems::kMax);
    problems.add({.line = i, .column = 1}, "x");
  }
  const auto sorted = problems.sorted();
  EXPECT_EQ(problems.size(), Problems::kMax + 7);
  ASSERT_EQ(sorted.size(), Problems::kMax + 1);
  EXPECT_EQ(sorted.back().text, "and 7 more errors");
  EXPECT_EQ(sorted.back().mark.line, Problems::kMax);
}

}  // namespace
}  // namespace config
