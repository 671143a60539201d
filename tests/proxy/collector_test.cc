#include "proxy/collector.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "base/fd.h"
#include "metrics/page.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

class CollectorTest : public testing::Test {
 protected:
  std::string page() const { return metrics::to_text(collector_.Collect()); }
  bool has(const std::string& line) const {
    return ("\n" + page()).find("\n" + line + "\n") != std::string::npos;
  }

  void configure(const config::Config& config) {
    status_.set_snapshot(make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog_));
  }

  base::UniqueFd sink_{open("/dev/null", O_WRONLY | O_CLOEXEC)};
  LogOutput output_{sink_.get()};
  Log log_{output_, {}};
  AccessLog access_log_{output_, 2, {}};
  MetricsCatalog catalog_{2};
  ProgramStatus status_{"sim"};
  metrics::HttpStats http_;
  Collector collector_{status_, catalog_, log_, access_log_, http_};
};

TEST_F(CollectorTest, AddsUpWhatTheWorkersCounted) {
  configure(WorkerFixture::one_listener({"10.0.0.2:80"}));
  const RouteSeries& route = catalog_.route("web", "app");
  for (const auto& cells : route.cells) {
    cells->sessions.add(2);
    cells->bytes[0].add(10);
    cells->end({Actor::kProxy, Cause::kIdle});
  }
  EXPECT_TRUE(has("millrace_sessions_active{listener=\"web\",upstream=\"app\"} 4"));
  EXPECT_TRUE(
      has("millrace_relay_bytes_total{listener=\"web\",upstream=\"app\",direction=\"to_upstream\"} "
          "20"));
  EXPECT_TRUE(
      has("millrace_sessions_total{listener=\"web\",upstream=\"app\",actor=\"proxy\",cause="
          "\"idle\"} 2"));
}

TEST_F(CollectorTest, ShowsTheUsualEndsBeforeTheFirstSession) {
  configure(WorkerFixture::one_listener({"10.0.0.2:80"}));
  EXPECT_TRUE(
      has("millrace_sessions_total{listener=\"web\",upstream=\"app\",actor=\"client\",cause="
          "\"eof\"} 0"));
}

TEST_F(CollectorTest, ShowsWhatAReloadRemovedUntilItsLastSessionHasEnded) {
  configure(WorkerFixture::one_listener({"10.0.0.2:80"}));
  const EndpointSeries& endpoint = catalog_.endpoint("app", "10.0.0.2:80");
  endpoint.cells[0]->sessions.add(1);
  catalog_.forget_configuration();
  const std::string line =
      "millrace_endpoint_sessions_active{upstream=\"app\",endpoint=\"10.0.0.2:80\"}";
  EXPECT_TRUE(has(line + " 1"));
  endpoint.cells[0]->sessions.add(-1);
  EXPECT_EQ(page().find(line), std::string::npos);
}

TEST_F(CollectorTest, ShowsConnectFailuresByEndpointAndCause) {
  configure(WorkerFixture::one_listener({"10.0.0.2:80"}));
  catalog_.endpoint("app", "10.0.0.2:80").cells[1]->connect_failed(Cause::kConnectRefused);
  EXPECT_TRUE(
      has("millrace_upstream_connect_failures_total{upstream=\"app\",endpoint=\"10.0.0.2:80\","
          "cause=\"connect_refused\"} 1"));
}

TEST_F(CollectorTest, ShowsEachWorkersTransport) {
  backends::TransportStats stats;
  stats.syscalls[static_cast<std::size_t>(backends::Syscall::kSend)] = 9;
  catalog_.worker(1).transport.publish(stats);
  EXPECT_TRUE(
      has("millrace_transport_syscalls_total{transport=\"sim\",worker=\"1\",kind=\"send\"} 9"));
}

}  // namespace
}  // namespace proxy
