#include "proxy/collector.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "metrics/exposition.h"
#include "metrics/page.h"
#include "proxy/version.h"
#include "tests/proxy/refused_engine.h"
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
  AdminStats admin_;
  std::unique_ptr<backends::TransportFactory> factory_ =
      backends::make_transport_factory("epoll").value();
  Collector collector_{status_, *factory_, catalog_, log_, access_log_, http_, admin_};
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

TEST_F(CollectorTest, ShowsTheNumbersOfAnEngineThatHandlesPackets) {
  using Kind = backends::PacketNumberKind;
  configure(WorkerFixture::one_listener({"10.0.0.2:80"}));
  catalog_.worker(1).transport.publish_engine("sim");
  const std::vector<backends::PacketNumber> numbers = {{Kind::kDropped, {}, "short", 3},
                                                       {Kind::kCounted, {}, "attached", 4},
                                                       {Kind::kHeld, {}, "pairs", 5},
                                                       {Kind::kPortPackets, "p0", "sent", 6},
                                                       {Kind::kPortBytes, "p0", "sent", 7}};
  catalog_.worker(1).packets.publish(numbers);
  EXPECT_TRUE(
      has("millrace_packets_dropped_total{transport=\"sim\",worker=\"1\",reason=\"short\"} 3"));
  EXPECT_TRUE(
      has("millrace_packets_counted_total{transport=\"sim\",worker=\"1\",what=\"attached\"} 4"));
  EXPECT_TRUE(has("millrace_packets_held{transport=\"sim\",worker=\"1\",what=\"pairs\"} 5"));
  EXPECT_TRUE(has("millrace_port_packets_total{worker=\"1\",port=\"p0\",what=\"sent\"} 6"));
  EXPECT_TRUE(has("millrace_port_bytes_total{worker=\"1\",port=\"p0\",what=\"sent\"} 7"));
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
  catalog_.worker(1).transport.publish_engine("epoll");
  EXPECT_TRUE(
      has("millrace_transport_syscalls_total{transport=\"epoll\",worker=\"1\",kind=\"send\"} 9"));
  EXPECT_FALSE(page().find("millrace_transport_polls_total{transport=\"epoll\",worker=\"0\"}") !=
               std::string::npos)
      << "it has not begun";
}

TEST_F(CollectorTest, NamesTheEngineThatEachWorkerReallyHas) {
  catalog_.worker(0).transport.publish_engine("io_uring");
  catalog_.worker(1).transport.publish_engine("epoll");
  EXPECT_TRUE(has("millrace_transport_polls_total{transport=\"io_uring\",worker=\"0\"} 0"));
  EXPECT_TRUE(has("millrace_transport_polls_total{transport=\"epoll\",worker=\"1\"} 0"));
  EXPECT_TRUE(
      has("millrace_build_info{version=\"" + std::string(version()) + "\",transport=\"sim\"} 1"));
}

TEST_F(CollectorTest, ShowsWhatAnEngineOfSubmissionsAndCompletionsCounts) {
  backends::TransportStats stats;
  stats.submissions = 1;
  stats.completions = 2;
  stats.completions_overflowed = 3;
  stats.cancellations = 4;
  stats.resets_missed = 6;
  stats.buffers_exhausted = 5;
  stats.buffers_in_use = 6;
  stats.buffers_max = 7;
  catalog_.worker(0).transport.publish(stats);
  catalog_.worker(0).transport.publish_engine("io_uring");
  const std::string labels = "{transport=\"io_uring\",worker=\"0\"} ";
  EXPECT_TRUE(has("millrace_transport_submissions_total" + labels + "1"));
  EXPECT_TRUE(has("millrace_transport_completions_total" + labels + "2"));
  EXPECT_TRUE(has("millrace_transport_completions_overflowed_total" + labels + "3"));
  EXPECT_TRUE(has("millrace_transport_cancellations_total" + labels + "4"));
  EXPECT_TRUE(has("millrace_transport_resets_missed_total" + labels + "6"));
  EXPECT_TRUE(has("millrace_transport_buffers_exhausted_total" + labels + "5"));
  EXPECT_TRUE(has("millrace_transport_buffers_in_use" + labels + "6"));
  EXPECT_TRUE(has("millrace_transport_buffers_max" + labels + "7"));
}

TEST_F(CollectorTest, ShowsNoRefusalWhereNothingWasRefused) {
  EXPECT_EQ(page().find("millrace_transport_refused_transports{"), std::string::npos);
}

TEST(CollectorOfARefusedEngine, CountsTheTransportsThatRunOnAnother) {
  RefusedEngine refused;
  ASSERT_TRUE(refused.factory().make({}));
  ASSERT_TRUE(refused.factory().make({}));
  const base::UniqueFd sink(open("/dev/null", O_WRONLY | O_CLOEXEC));
  LogOutput output(sink.get());
  const Log log(output, {});
  const AccessLog access_log(output, 1, {});
  const MetricsCatalog catalog(1);
  const ProgramStatus status("epoll");
  const metrics::HttpStats http;
  const AdminStats admin;
  const Collector collector(status, refused.factory(), catalog, log, access_log, http, admin);
  EXPECT_NE(
      metrics::to_text(collector.Collect())
          .find("\nmillrace_transport_refused_transports{transport=\"refused\",cause=\"denied\""
                "} 2\n"),
      std::string::npos);
}

}  // namespace
}  // namespace proxy
