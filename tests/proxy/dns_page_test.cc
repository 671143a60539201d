#include "proxy/dns_page.h"

#include <gtest/gtest.h>

#include <string>

#include "metrics/exposition.h"

namespace proxy {
namespace {

std::string page_of(const DnsSeries& series) {
  metrics::Page page;
  add_dns(page, series);
  return metrics::to_text(std::move(page).take());
}

TEST(DnsPage, ShowsWhatTheLookupsCounted) {
  MetricsCatalog catalog(2);
  DnsSeries& series = catalog.dns("app");
  DnsCells& cells = *series.cells[0];
  cells.looked_up(DnsResult::kTimeout);
  cells.addresses.set(3);
  cells.last_success_seconds.set(1'700'000'000);
  cells.ignored[static_cast<std::size_t>(DnsIgnored::kTooMany)].add(5);
  const std::string page = page_of(series);
  for (const char* line :
       {"\nmillrace_dns_lookups_total{upstream=\"app\",result=\"timeout\"} 1\n",
        "\nmillrace_dns_lookups_total{upstream=\"app\",result=\"ok\"} 0\n",
        "\nmillrace_dns_addresses{upstream=\"app\"} 3\n",
        "\nmillrace_dns_last_success_timestamp_seconds{upstream=\"app\"} 1700000000\n",
        "\nmillrace_dns_addresses_ignored_total{upstream=\"app\",cause=\"too_many\"} 5\n"}) {
    EXPECT_NE(page.find(line), std::string::npos) << line << page;
  }
}

TEST(DnsPage, ForgetsANameThatAReloadRemoved) {
  MetricsCatalog catalog(1);
  const DnsSeries& series = catalog.dns("app");
  catalog.forget_configuration();
  EXPECT_EQ(page_of(series), "");
}

}  // namespace
}  // namespace proxy
