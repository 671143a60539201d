#include "proxy/session_evidence.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

class SessionEvidenceTest : public testing::Test {
 protected:
  SessionEvidenceTest() { configure(true); }

  void configure(bool outlier) {
    config::Config config = WorkerFixture::one_listener({"10.0.0.2:80"});
    if (outlier) config.upstreams[0].outlier.emplace();
    snapshot_ = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog_);
    upstream_.apply(snapshot_, snapshot_->upstreams[0], 0s);
    rules_.upstream = &upstream_;
    session_.rules = &rules_;
    session_.endpoint = upstream_.endpoints()[0].get();
  }
  std::vector<Outcome> told() {
    std::vector<Outcome> outcomes;
    log_.begin_reading();
    EvidenceRecord record;
    while (log_.try_pop(record)) {
      EXPECT_EQ(record.endpoint, session_.endpoint->series);
      EXPECT_EQ(record.at, base::Nanos(3s));
      outcomes.push_back(record.outcome);
    }
    return outcomes;
  }
  void report_everything() {
    report_connected(&log_, session_, 3s);
    report_connect_failed(&log_, session_, Cause::kConnectRefused, 3s);
    session_.progress.bytes = {10, 0};
    report_relay_done(&log_, session_, {Actor::kUpstream, Cause::kReset}, 3s);
    session_.progress.bytes = {10, 1};
    report_relay_done(&log_, session_, {Actor::kUpstream, Cause::kReset}, 3s);
  }

  MetricsCatalog catalog_{1};
  SnapshotPtr snapshot_;
  Upstream upstream_{0, 1};
  SessionRules rules_;
  Session session_;
  EvidenceLog log_;
};

TEST_F(SessionEvidenceTest, FailuresAreAlwaysToldAndGoodThingsOnlyOfASuspect) {
  report_everything();
  EXPECT_EQ(told(), (std::vector<Outcome>{Outcome::kConnectFailed, Outcome::kResetEarly}));
  session_.endpoint->series->verdict.suspected = true;
  report_everything();
  EXPECT_EQ(told(), (std::vector<Outcome>{Outcome::kConnected, Outcome::kConnectFailed,
                                          Outcome::kResetEarly, Outcome::kServed}));
}

TEST_F(SessionEvidenceTest, OurOwnTroubleAndOtherEndsAreNoEvidence) {
  report_connect_failed(&log_, session_, Cause::kResource, 3s);
  report_relay_done(&log_, session_, {Actor::kClient, Cause::kReset}, 3s);
  report_relay_done(&log_, session_, {Actor::kUpstream, Cause::kEof}, 3s);
  EXPECT_TRUE(told().empty());
}

TEST_F(SessionEvidenceTest, NobodyIsToldWithoutOutlierOrWithoutALog) {
  report_connect_failed(nullptr, session_, Cause::kConnectRefused, 3s);
  configure(false);
  session_.endpoint->series->verdict.suspected = true;
  report_everything();
  EXPECT_TRUE(told().empty());
}

}  // namespace
}  // namespace proxy
