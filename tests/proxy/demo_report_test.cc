#include "proxy/demo_report.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace {

using namespace std::chrono_literals;

TEST(DemoReport, GroupsDigitsByThousands) {
  EXPECT_EQ(proxy::with_commas(0), "0");
  EXPECT_EQ(proxy::with_commas(999), "999");
  EXPECT_EQ(proxy::with_commas(1000), "1,000");
  EXPECT_EQ(proxy::with_commas(31'415'926), "31,415,926");
}

TEST(DemoReport, ChoosesAReadableUnit) {
  EXPECT_EQ(proxy::human_bytes(999), "999 B");
  EXPECT_EQ(proxy::human_bytes(812'400'000), "812.4 MB");
  EXPECT_EQ(proxy::human_bytes(2'500'000'000'000'000), "2500.0 TB");
}

TEST(DemoReport, PutsTheFiguresIntoTheTable) {
  proxy::DemoFigures figures;
  figures.engine = "epoll";
  figures.workers = 2;
  figures.metrics_url = "http://127.0.0.1:1/metrics";
  figures.first_session = 12'300us;
  figures.one_at_a_time[0].count = 10;
  figures.one_at_a_time[0].elapsed = 1ms;
  for (int i = 0; i < 10; ++i) figures.one_at_a_time[0].latencies.record(100us);
  figures.bulk = {.bytes = 1'000'000'000, .elapsed = 4s};
  figures.idle_sessions = 1000;
  figures.idle_bytes = 400'000;
  figures.sessions_opened = 1234;
  figures.bytes = {1'000'000, 2'000'000};
  const std::string table = proxy::demo_table(figures);
  for (const char* text :
       {"10,000                 -", "99 us", "2.0 Gbit/s", "400 bytes", "1,234 opened", "12.3 ms",
        "1.0 MB to upstream, 2.0 MB to client", "epoll, 2 workers", "http://127.0.0.1:1/metrics"}) {
    EXPECT_NE(table.find(text), std::string::npos) << text << " is not in\n" << table;
  }
}

TEST(DemoReport, AddsUpTheSeriesOfAFamily) {
  constexpr const char* kPage =
      "# TYPE bytes_total counter\n"
      "bytes_total{listener=\"a\",direction=\"to_client\"} 10\n"
      "bytes_total{listener=\"b\",direction=\"to_client\"} 2.5e1\n"
      "bytes_total{listener=\"b\",direction=\"to_upstream\"} 7\n"
      "bytes_total_more{direction=\"to_client\"} 1000\n"
      "up 1\n";
  EXPECT_EQ(proxy::sum_on_page(kPage, "bytes_total", ""), 42);
  EXPECT_EQ(proxy::sum_on_page(kPage, "bytes_total", "direction=\"to_client\""), 35);
  EXPECT_EQ(proxy::sum_on_page(kPage, "up", ""), 1);
  EXPECT_EQ(proxy::sum_on_page(kPage, "down", ""), std::nullopt);
  EXPECT_EQ(proxy::sum_on_page("", "up", ""), std::nullopt);
}

}  // namespace
