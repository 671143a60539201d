#include "metrics/page.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "metrics/exposition.h"
#include "metrics/http_stats.h"
#include "metrics/process_metrics.h"

namespace metrics {
namespace {

constexpr Family kThings{"millrace_things_total", Type::kCounter, Unit::kNone, "Things",
                         LabelNames("color", "size")};
constexpr Family kLevel{"millrace_level", Type::kGauge, Unit::kNone, "Level", LabelNames()};
constexpr Family kWait{"millrace_wait_seconds", Type::kHistogram, Unit::kSeconds, "Waits",
                       LabelNames("color")};

std::string text_of(Page page) { return to_text(std::move(page).take()); }

TEST(Page, WritesCountersAndGaugesWithHelpTypeAndLabels) {
  Page page;
  page.add(kThings, {"red", "big"}, 3);
  page.add(kThings, {"blue", "small"}, 4);
  page.add(kLevel, {}, -1.5);
  EXPECT_EQ(text_of(std::move(page)),
            "# HELP millrace_things_total Things\n"
            "# TYPE millrace_things_total counter\n"
            "millrace_things_total{color=\"red\",size=\"big\"} 3\n"
            "millrace_things_total{color=\"blue\",size=\"small\"} 4\n"
            "# HELP millrace_level Level\n"
            "# TYPE millrace_level gauge\n"
            "millrace_level -1.5\n");
}

TEST(Page, KeepsAFamilyTogetherWhenItsSeriesComeInTurns) {
  Page page;
  page.add(kThings, {"red", "big"}, 1);
  page.add(kLevel, {}, 2);
  page.add(kThings, {"blue", "big"}, 3);
  const auto families = std::move(page).take();
  ASSERT_EQ(families.size(), 2U);
  EXPECT_EQ(families[0].metric.size(), 2U);
  EXPECT_EQ(families[1].metric.size(), 1U);
}

TEST(Page, WritesWholeNumbersExactly) {
  Page page;
  page.add(kThings, {"red", "big"}, 9'007'199'254'740'991.0);  // 2^53 - 1: eight petabytes.
  EXPECT_NE(text_of(std::move(page)).find("} 9007199254740991\n"), std::string::npos);
}

TEST(Page, WritesHistogramsCumulatively) {
  LatencyHistogram histogram;
  histogram.observe(std::chrono::microseconds(100));
  histogram.observe(std::chrono::milliseconds(1));
  histogram.observe(std::chrono::seconds(31));
  Page page;
  page.add(kWait, {"red"}, histogram.snapshot().view());
  const std::string text = text_of(std::move(page));
  for (const char* line : {"millrace_wait_seconds_count{color=\"red\"} 3\n",
                           "millrace_wait_seconds_sum{color=\"red\"} 31.0011\n",
                           "millrace_wait_seconds_bucket{color=\"red\",le=\"0.0001\"} 1\n",
                           "millrace_wait_seconds_bucket{color=\"red\",le=\"0.0005\"} 1\n",
                           "millrace_wait_seconds_bucket{color=\"red\",le=\"0.001\"} 2\n",
                           "millrace_wait_seconds_bucket{color=\"red\",le=\"30\"} 2\n",
                           "millrace_wait_seconds_bucket{color=\"red\",le=\"+Inf\"} 3\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "not in\n" << text;
  }
}

TEST(Page, EscapesLabelValuesThatWouldBreakOutOfTheLine) {
  Page page;
  page.add(kThings, {"a\"} 1", "back\\slash\nmillrace_forged 1"}, 3);
  EXPECT_NE(text_of(std::move(page))
                .find("{color=\"a\\\"} 1\",size=\"back\\\\slash\\nmillrace_forged 1\"} 3\n"),
            std::string::npos);
}

TEST(Page, TakesALabelSetForEveryFamilyWithTheSameLabels) {
  const LabelSet endpoint(names::kEndpointSessionsActive, {"redis", "127.0.0.1:6380"});
  Page page;
  page.add(names::kEndpointSessionsActive, endpoint, 7);
  page.add(names::kEndpointSessionsActive, {"redis", "127.0.0.1:6381"}, 8);
  const auto families = std::move(page).take();
  ASSERT_EQ(families.size(), 1U);
  ASSERT_EQ(families[0].metric.size(), 2U);
  EXPECT_EQ(families[0].metric[0].label[1].value, "127.0.0.1:6380");
  EXPECT_EQ(families[0].metric[1].label[1].value, "127.0.0.1:6381");
}

TEST(PageDeathTest, RefusesAValueTooFewAndAValueTooMany) {
  Page page;
  EXPECT_DEATH(page.add(kThings, {"red"}, 1), "CHECK failed");
  EXPECT_DEATH(page.add(kLevel, {"red"}, 1), "CHECK failed");
}

TEST(PageDeathTest, RefusesALabelSetOfOtherLabels) {
  Page page;
  const LabelSet other(names::kSessionsActive, {"listener", "upstream"});
  EXPECT_DEATH(page.add(names::kEndpointSessionsActive, other, 1), "CHECK failed");
}

TEST(PageDeathTest, RefusesAHistogramWithoutBucketsAndANumberWithThem) {
  Page page;
  EXPECT_DEATH(page.add(kWait, {"red"}, 1.0), "CHECK failed");
  const LatencySnapshot snapshot;
  EXPECT_DEATH(page.add(kLevel, {}, snapshot.view()), "CHECK failed");
}

// Every family with one series, as Prometheus' own linter sees it.
TEST(Page, WithEveryFamilyPassesTheLinterOfPrometheus) {
  Page page;
  for (const Family* family : names::kAll) {
    const auto value = [&](std::size_t i) {
      return i < family->labels.size() ? std::string_view("a\"} 1\n\\") : std::string_view();
    };
    const std::array<std::string_view, LabelNames::kMax> v = {value(0), value(1), value(2),
                                                              value(3)};
    const auto add = [&](std::initializer_list<std::string_view> labels) {
      if (family->type == Type::kHistogram) {
        page.add(*family, labels, LatencySnapshot().view());
      } else {
        page.add(*family, labels, 1);
      }
    };
    switch (family->labels.size()) {
      case 0:
        add({});
        break;
      case 1:
        add({v[0]});
        break;
      case 2:
        add({v[0], v[1]});
        break;
      case 3:
        add({v[0], v[1], v[2]});
        break;
      default:
        add({v[0], v[1], v[2], v[3]});
    }
  }
  const auto folder = std::filesystem::path(testing::TempDir());
  const auto file = folder / ("page." + std::to_string(getpid()) + ".txt");
  std::ofstream(file) << text_of(std::move(page));
  const std::string command = "promtool check metrics < " + file.string() + " 2>&1";
  FILE* run = popen(command.c_str(), "r");
  ASSERT_NE(run, nullptr);
  std::string said;
  std::array<char, 4096> chunk{};
  while (fgets(chunk.data(), chunk.size(), run) != nullptr) said += chunk.data();
  // deploy/install-dependencies --for test installs promtool (package prometheus).
  EXPECT_EQ(pclose(run), 0) << said;
  EXPECT_EQ(said, "");
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace metrics
