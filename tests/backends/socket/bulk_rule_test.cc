#include "backends/socket/bulk_rule.h"

#include <gtest/gtest.h>

namespace backends::socket {
namespace {

constexpr std::size_t kBulk = BulkRule::kBulkRead;
constexpr std::size_t kSmall = BulkRule::kBulkRead - 1;

BulkRule promoted() {
  BulkRule rule;
  for (int i = 0; i < BulkRule::kPromoteAfter; ++i) rule.moved(kBulk);
  return rule;
}

TEST(BulkRule, PromotesAfterEnoughBulkReadsInARow) {
  BulkRule rule;
  for (int i = 1; i < BulkRule::kPromoteAfter; ++i) {
    EXPECT_FALSE(rule.moved(kBulk));
    EXPECT_FALSE(rule.bulk());
  }
  EXPECT_TRUE(rule.moved(kBulk));
  EXPECT_TRUE(rule.bulk());
}

TEST(BulkRule, ASmallReadBeginsTheRowAgain) {
  BulkRule rule;
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(rule.moved(i % BulkRule::kPromoteAfter == 0 ? kSmall : kBulk));
  }
  EXPECT_FALSE(rule.bulk());
}

TEST(BulkRule, DemotesAfterEnoughSmallReadsInARow) {
  BulkRule rule = promoted();
  for (int i = 1; i < BulkRule::kSmallRead; ++i) EXPECT_FALSE(rule.moved(kSmall));
  EXPECT_FALSE(rule.moved(kBulk));
  for (int i = 1; i < BulkRule::kSmallRead; ++i) EXPECT_FALSE(rule.moved(kSmall));
  EXPECT_TRUE(rule.moved(kSmall));
  EXPECT_FALSE(rule.bulk());
}

TEST(BulkRule, WithoutAPipeTheNextTryHasToBeEarned) {
  BulkRule rule = promoted();
  rule.no_pipe();
  EXPECT_FALSE(rule.bulk());
  for (int i = 1; i < BulkRule::kPromoteAfter; ++i) EXPECT_FALSE(rule.moved(kBulk));
  EXPECT_TRUE(rule.moved(kBulk));
}

TEST(BulkRule, ARefusalIsForEver) {
  BulkRule rule = promoted();
  rule.refuse();
  EXPECT_TRUE(rule.refused());
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(rule.moved(kBulk));
  EXPECT_FALSE(rule.bulk());
}

}  // namespace
}  // namespace backends::socket
