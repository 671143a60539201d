#include "proxy/upstream_page.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "metrics/exposition.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

class UpstreamPageTest : public testing::Test {
 protected:
  UpstreamPageTest() {
    config::Config config = WorkerFixture::one_listener({"10.0.0.2:80"});
    config.upstreams[0].limits = {
        .max_sessions = 11, .max_connecting = 12, .queue = 13, .queue_timeout = 1s};
    config.upstreams[0].endpoints[0].max_sessions = 14;
    snapshot_ = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog_);
  }

  std::string page() const {
    metrics::Page page;
    add_upstream_limits(page, *snapshot_);
    catalog_.read(
        [&page](const MetricsCatalog::Contents& contents) { add_upstreams(page, contents); });
    return metrics::to_text(std::move(page).take());
  }
  // The value after a series with these labels: "upstream", or both.
  bool has(const std::string& series, const std::string& value) const {
    return ("\n" + page()).find("\nmillrace_" + series + " " + value + "\n") != std::string::npos;
  }

  static constexpr const char* kUpstream = "{upstream=\"app\"}";
  static constexpr const char* kEndpoint = "{upstream=\"app\",endpoint=\"10.0.0.2:80\"}";
  MetricsCatalog catalog_{2};
  SnapshotPtr snapshot_;
};

TEST_F(UpstreamPageTest, ShowsTheLimitsBesideWhatTheyLimit) {
  for (const auto& cells : catalog_.upstream("app").cells) {
    cells->sessions.add(1);
    cells->connecting.add(2);
    cells->queued.add(3);
  }
  const std::string u = kUpstream;
  EXPECT_TRUE(has("upstream_max_sessions" + u, "11"));
  EXPECT_TRUE(has("upstream_max_connecting" + u, "12"));
  EXPECT_TRUE(has("upstream_queue_max" + u, "13"));
  EXPECT_TRUE(has("upstream_sessions_active" + u, "2"));
  EXPECT_TRUE(has("upstream_connecting" + u, "4"));
  EXPECT_TRUE(has("upstream_queue_length" + u, "6"));
  EXPECT_TRUE(has("endpoint_max_sessions" + std::string(kEndpoint), "14"));
}

TEST_F(UpstreamPageTest, ShowsTheTimeInTheQueueAndTheRetriesOfAllWorkers) {
  for (const auto& cells : catalog_.upstream("app").cells) {
    cells->queue_time.observe(2s);
    cells->retries.add(4);
    cells->retries_refused.add(5);
  }
  const std::string u = kUpstream;
  EXPECT_TRUE(has("upstream_queue_seconds_count" + u, "2"));
  EXPECT_TRUE(has("upstream_queue_seconds_sum" + u, "4"));
  EXPECT_TRUE(has("upstream_retries_total{upstream=\"app\",result=\"made\"}", "8"));
  EXPECT_TRUE(has("upstream_retries_total{upstream=\"app\",result=\"refused\"}", "10"));
}

TEST_F(UpstreamPageTest, ShowsVerdictsAndTheWayToEachEndpoint) {
  const EndpointSeries& series = catalog_.endpoint("app", "10.0.0.2:80");
  for (const auto& cells : series.cells) {
    cells->rtt.observe(500ms);
    cells->retransmits.add(3);
    cells->path_samples.add(1);
  }
  const std::string e = kEndpoint;
  EXPECT_TRUE(has("endpoint_healthy" + e, "1"));
  EXPECT_TRUE(has("endpoint_ejected" + e, "0"));
  series.verdict.healthy = false;
  series.verdict.ejected = true;
  EXPECT_TRUE(has("endpoint_healthy" + e, "0"));
  EXPECT_TRUE(has("endpoint_ejected" + e, "1"));
  EXPECT_TRUE(has("endpoint_rtt_seconds_sum" + e, "1"));
  EXPECT_TRUE(has("endpoint_retransmits_total" + e, "6"));
  EXPECT_TRUE(has("endpoint_path_samples_total" + e, "2"));
}

}  // namespace
}  // namespace proxy
