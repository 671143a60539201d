#include "proxy/pool_page.h"

#include <gtest/gtest.h>

#include <string>

#include "metrics/exposition.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

std::string page_of(MetricsCatalog& catalog, const Snapshot& snapshot) {
  metrics::Page page;
  add_pool_settings(page, snapshot);
  add_pools(page, catalog.upstream("app"));
  return "\n" + metrics::to_text(std::move(page).take());
}

TEST(PoolPage, AddsUpWhatTheWorkersCounted) {
  MetricsCatalog catalog(2);
  config::Config config = WorkerFixture::one_listener({"10.0.0.2:80"});
  config.upstreams[0].pool = {.idle = 4, .idle_max = 9};
  const SnapshotPtr snapshot = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog);
  for (const auto& cells : catalog.upstream("app").cells) {
    cells->pool_idle.set(3);
    cells->pool_connecting.set(1);
    cells->pool_target.set(5);
    cells->checked_out(Checkout::kHit);
    cells->discard(Discard::kAged);
    cells->saved_nanoseconds.add(250'000'000);
  }
  const std::string page = page_of(catalog, *snapshot);
  for (const char* line : {
           "millrace_pool_idle_max{upstream=\"app\"} 9",
           "millrace_pool_connections{upstream=\"app\",state=\"idle\"} 6",
           "millrace_pool_connections{upstream=\"app\",state=\"connecting\"} 2",
           "millrace_pool_target{upstream=\"app\"} 10",
           "millrace_pool_checkouts_total{upstream=\"app\",result=\"hit\"} 2",
           "millrace_pool_checkouts_total{upstream=\"app\",result=\"stale\"} 0",
           "millrace_pool_discarded_total{upstream=\"app\",cause=\"aged\"} 2",
           "millrace_pool_saved_seconds_total{upstream=\"app\"} 0.5",
       }) {
    EXPECT_NE(page.find("\n" + std::string(line) + "\n"), std::string::npos) << line << page;
  }
}

TEST(PoolPage, SaysThatAnUpstreamHasNone) {
  MetricsCatalog catalog(1);
  const SnapshotPtr snapshot = make_snapshot(1, WorkerFixture::one_listener({"10.0.0.2:80"}),
                                             {{address("10.0.0.1:80")}}, catalog);
  EXPECT_NE(page_of(catalog, *snapshot).find("millrace_pool_idle_max{upstream=\"app\"} 0"),
            std::string::npos);
}

}  // namespace
}  // namespace proxy
