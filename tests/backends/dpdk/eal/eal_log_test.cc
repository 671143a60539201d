#include "backends/dpdk/eal/eal_log.h"

#include <gtest/gtest.h>
#include <rte_log.h>

#include <utility>
#include <vector>

namespace backends::dpdk::eal {
namespace {

void say(std::uint32_t level, const char* text) {
  ASSERT_GE(rte_log(level, RTE_LOGTYPE_USER1, "%s", text), 0);
}

TEST(EalLog, ItsListenerHearsWholeLinesWithTheirLevels) {
  using Line = std::pair<LogLevel, std::string>;
  std::vector<Line> lines;
  const EalLog log([&](LogLevel level, std::string_view line) { lines.emplace_back(level, line); });
  say(RTE_LOG_ERR, "first\nsecond\n");
  say(RTE_LOG_WARNING, "in two ");
  say(RTE_LOG_WARNING, "parts\n");
  say(RTE_LOG_INFO, "last\n");
  const std::vector<Line> expected = {{LogLevel::kError, "first"},
                                      {LogLevel::kError, "second"},
                                      {LogLevel::kWarning, "in two parts"},
                                      {LogLevel::kInfo, "last"}};
  EXPECT_EQ(lines, expected);
}

TEST(EalLog, WhenItEndsDpdkWritesWhereItWroteBefore) {
  EalLog outer(nullptr);
  {
    EalLog inner(nullptr);
    say(RTE_LOG_ERR, "inner\n");
    EXPECT_EQ(inner.errors(), "inner");
  }
  say(RTE_LOG_ERR, "outer\n");
  EXPECT_EQ(outer.errors(), "outer");
}

TEST(EalLog, ItKeepsTheLastFewErrorLinesOnly) {
  EalLog log(nullptr);
  for (const char* text : {"one\n", "two\n", "three\n", "four\n", "five\n"}) {
    say(RTE_LOG_ERR, text);
    say(RTE_LOG_INFO, "not an error\n");
  }
  EXPECT_EQ(log.errors(), "two; three; four; five");
  log.forget();
  EXPECT_EQ(log.errors(), "");
}

TEST(EalLog, ALongLineIsCutAndNothingOfItIsLost) {
  EalLog log(nullptr);
  say(RTE_LOG_ERR, (std::string(1000, 'x') + "\n").c_str());
  EXPECT_EQ(log.errors(), std::string(512, 'x') + "; " + std::string(488, 'x'));
}

}  // namespace
}  // namespace backends::dpdk::eal
