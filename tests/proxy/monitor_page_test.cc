#include "proxy/monitor_page.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "metrics/exposition.h"

namespace proxy {
namespace {

class MonitorPageTest : public testing::Test {
 protected:
  static bool has(const std::string& text, const std::string& line) {
    return text.find(line + "\n") != std::string::npos;
  }
  std::string text() {
    metrics::Page page;
    add_monitor(page, catalog_.monitor());
    catalog_.read([&](const auto& contents) { add_monitored(page, contents); });
    return metrics::to_text(std::move(page).take());
  }

  MetricsCatalog catalog_{2};
  const UpstreamSeries& upstream_ = catalog_.upstream("app");
  const EndpointSeries& endpoint_ = catalog_.endpoint("app", "10.0.0.1:1");
};

TEST_F(MonitorPageTest, SaysNothingOfAnEndpointThatNobodyWatches) {
  const std::string page = text();
  EXPECT_EQ(page.find("health_check"), std::string::npos);
  EXPECT_EQ(page.find("outlier"), std::string::npos);
}

TEST_F(MonitorPageTest, HasChecksAndEjections) {
  endpoint_.monitored.checked(CheckResult::kPassed);
  endpoint_.monitored.checked(CheckResult::kMismatch);
  endpoint_.monitored.ejected(EjectionCause::kResets);
  upstream_.monitored.check_time.observe(std::chrono::milliseconds(2));
  const std::string page = text();
  const std::string labels = R"({upstream="app",endpoint="10.0.0.1:1")";
  EXPECT_TRUE(has(page, "millrace_health_checks_total" + labels + R"(,result="passed"} 1)"));
  EXPECT_TRUE(has(page, "millrace_health_checks_total" + labels + R"(,result="mismatch"} 1)"));
  EXPECT_TRUE(has(page, "millrace_outlier_ejections_total" + labels + R"(,cause="resets"} 1)"));
  EXPECT_TRUE(has(page, R"(millrace_health_check_seconds_count{upstream="app"} 1)"));
}

TEST_F(MonitorPageTest, HasTheMonitorsOwnNumbers) {
  catalog_.monitor().checks_active.set(3);
  catalog_.monitor().checks_waiting.set(4);
  catalog_.monitor().checks_max.set(512);
  catalog_.monitor().evidence_dropped.set_total(5);
  catalog_.monitor().busy_nanoseconds.add(1'500'000'000);
  const std::string page = text();
  EXPECT_TRUE(has(page, "millrace_monitor_checks_active 3"));
  EXPECT_TRUE(has(page, "millrace_monitor_checks_waiting 4"));
  EXPECT_TRUE(has(page, "millrace_monitor_checks_max 512"));
  EXPECT_TRUE(has(page, "millrace_monitor_evidence_dropped_total 5"));
  EXPECT_TRUE(has(page, "millrace_monitor_busy_seconds_total 1.5"));
}

}  // namespace
}  // namespace proxy
