#include "proxy/monitor.h"

#include <gtest/gtest.h>

#include "tests/proxy/monitor_fixture.h"

namespace proxy {
namespace {

class MonitorTest : public MonitorFixture {
 protected:
  static config::Config judged() {
    config::Config config = one_upstream({kEndpoint, "10.0.1.2:80"});
    config.upstreams[0].health.reset();
    config.upstreams[0].outlier.emplace();
    config.upstreams[0].outlier->consecutive_failures = 2;
    return config;
  }
  void push_failure() {
    evidence_.push(
        {.endpoint = &series(), .at = transport_.now(), .outcome = Outcome::kConnectFailed});
  }
};

TEST_F(MonitorTest, SleepsWithNothingToWatch) {
  EXPECT_EQ(monitor_.next_deadline(), base::kForever);
  apply(judged());
  EXPECT_EQ(monitor_.next_deadline(), base::kForever);
}

TEST_F(MonitorTest, IsWokenByEvidenceAndTellsTheWorkers) {
  apply(judged());
  push_failure();
  push_failure();
  monitor_.step(base::kForever);  // Would sleep for ever if nobody woke it.
  EXPECT_TRUE(series().verdict.ejected);
  EXPECT_EQ(ear_.asked, 1);
  // And wakes by itself when the ejection is over.
  while (series().verdict.ejected) monitor_.step(base::kForever);
  EXPECT_EQ(ear_.asked, 2);
}

TEST_F(MonitorTest, TriesAgainSoonWhenAWorkerCouldNotBeTold) {
  apply(judged());
  ear_.full = true;
  push_failure();
  push_failure();
  monitor_.step(base::kForever);
  EXPECT_EQ(ear_.asked, 1);
  EXPECT_LE(monitor_.next_deadline(), transport_.now() + 1ms);
  ear_.full = false;
  monitor_.step(base::kForever);
  EXPECT_EQ(ear_.asked, 2);
  EXPECT_GT(monitor_.next_deadline(), transport_.now() + 1s);
}

TEST_F(MonitorTest, BringsAnEjectedEndpointBackWhenChecksFindTheOthersIll) {
  config::Config config = judged();
  config.upstreams[0].health.emplace();
  serve(kEndpoint);
  apply(config);
  push_failure();
  push_failure();
  ASSERT_TRUE(run_until([&] { return series().verdict.ejected.load(); }, 10ms));
  ASSERT_TRUE(run_until([&] { return !healthy("10.0.1.2:80"); }, 20s));
  EXPECT_FALSE(series().verdict.ejected);
}

TEST_F(MonitorTest, CountsTheEvidenceThatWasLost) {
  apply(judged());
  for (std::size_t i = 0; i < EvidenceLog::kRecords + 2; ++i) push_failure();
  monitor_.step(1ms);
  EXPECT_EQ(catalog_.monitor().evidence_dropped.value(), 2U);
}

TEST_F(MonitorTest, StopsWhenTold) {
  apply(one_upstream());
  EXPECT_FALSE(monitor_.finished());
  MonitorCommand stop;
  auto done = stop.done.get_future();
  ASSERT_TRUE(monitor_.post(std::move(stop)));
  monitor_.run();
  EXPECT_TRUE(monitor_.finished());
  EXPECT_EQ(done.wait_for(0s), std::future_status::ready);
}

}  // namespace
}  // namespace proxy
