#include "proxy/outlier_detector.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/proxy/monitor_fixture.h"

namespace proxy {
namespace {

class OutlierDetectorTest : public testing::Test {
 protected:
  static constexpr base::Nanos kEjection = 30s;

  OutlierDetectorTest() { apply(config()); }

  static config::Config config(std::size_t endpoints = 4) {
    config::Config config;
    config::Upstream& upstream = config.upstreams.emplace_back();
    upstream.name = "app";
    upstream.outlier.emplace();
    upstream.outlier->consecutive_failures = 3;
    upstream.outlier->ejection = kEjection;
    upstream.outlier->ejection_max = 100s;
    for (std::size_t i = 0; i < endpoints; ++i) {
      upstream.endpoints.push_back({.address = address(at(i)), .mark = {}});
    }
    return config;
  }
  static std::string at(std::size_t index) { return "10.0.1." + std::to_string(index) + ":80"; }

  void apply(const config::Config& config) {
    detector_.apply(make_snapshot(1, config, {}, catalog_), now_);
  }
  const EndpointSeries& endpoint(std::size_t index) { return catalog_.endpoint("app", at(index)); }
  bool ejected(std::size_t index) { return endpoint(index).verdict.ejected; }
  bool suspected(std::size_t index) { return endpoint(index).verdict.suspected; }
  void report(std::size_t index, Outcome outcome, int times = 1) {
    for (int i = 0; i < times; ++i) {
      detector_.take({.endpoint = &endpoint(index), .at = now_, .outcome = outcome}, now_);
    }
  }
  void fail(std::size_t index, int times = 3) { report(index, Outcome::kConnectFailed, times); }
  void pass(base::Nanos time) {
    now_ += time;
    detector_.expire(now_);
  }
  // How long the endpoint that was just ejected is out, to a tenth of a second.
  base::Nanos time_out(std::size_t index) {
    const base::Nanos began = now_;
    while (ejected(index) && now_ - began < 1h) pass(100ms);
    return now_ - began;
  }
  std::uint64_t ejections(std::size_t index, EjectionCause cause) {
    return endpoint(index).monitored.ejections[static_cast<std::size_t>(cause)].value();
  }

  base::Nanos now_ = 1h;
  Ear ear_;
  MetricsCatalog catalog_{1};
  Verdicts verdicts_{ear_, nullptr};
  OutlierDetector detector_{1, verdicts_, now_};
};

TEST_F(OutlierDetectorTest, EjectsAfterSoManyFailuresInARow) {
  fail(0, 2);
  EXPECT_FALSE(ejected(0));
  EXPECT_TRUE(suspected(0));
  fail(0, 1);
  EXPECT_TRUE(ejected(0));
  EXPECT_FALSE(suspected(0));
  EXPECT_EQ(ejections(0, EjectionCause::kConnectFailures), 1U);
  EXPECT_FALSE(ejected(1));
}

TEST_F(OutlierDetectorTest, BeginsToCountAgainAfterASuccess) {
  for (int i = 0; i < 10; ++i) {
    fail(0, 2);
    report(0, Outcome::kConnected);
    EXPECT_FALSE(suspected(0));
  }
  EXPECT_FALSE(ejected(0));
}

TEST_F(OutlierDetectorTest, CountsResetsWhateverTheConnectsBetweenThem) {
  for (int i = 0; i < 3; ++i) {
    report(0, Outcome::kConnected);
    report(0, Outcome::kResetEarly);
    EXPECT_EQ(suspected(0), i < 2);
  }
  EXPECT_TRUE(ejected(0));
  EXPECT_EQ(ejections(0, EjectionCause::kResets), 1U);
}

TEST_F(OutlierDetectorTest, ForgetsResetsAfterASessionThatWasServed) {
  for (int i = 0; i < 10; ++i) {
    report(0, Outcome::kResetEarly, 2);
    report(0, Outcome::kServed);
    EXPECT_FALSE(suspected(0));
  }
  EXPECT_FALSE(ejected(0));
}

TEST_F(OutlierDetectorTest, LetsAnEndpointReturnAfterItsTimeOrATenthEarlier) {
  fail(0);
  const base::Nanos time = time_out(0);
  EXPECT_GE(time, kEjection - kEjection / 10);
  EXPECT_LE(time, kEjection + 200ms);
}

TEST_F(OutlierDetectorTest, KeepsItOutLongerEachTimeUpToTheLongest) {
  fail(0);
  time_out(0);
  fail(0);
  EXPECT_GT(time_out(0), 50s);
  fail(0);
  EXPECT_GT(time_out(0), 80s);
  for (int i = 0; i < 5; ++i) {
    fail(0);
    const base::Nanos time = time_out(0);
    EXPECT_GE(time, 90s);
    EXPECT_LE(time, 100s + 200ms);
  }
}

TEST_F(OutlierDetectorTest, ForgivesOneEjectionForEachTimeWithout) {
  fail(0);
  time_out(0);
  fail(0);
  time_out(0);
  pass(kEjection);
  fail(0);  // Three, less one.
  EXPECT_LE(time_out(0), 60s + 200ms);
  pass(1h);
  fail(0);
  EXPECT_LE(time_out(0), kEjection + 200ms);
}

TEST_F(OutlierDetectorTest, TakesOutNoMoreThanItsShare) {
  for (std::size_t i = 0; i < 4; ++i) fail(i);
  EXPECT_TRUE(ejected(0));
  EXPECT_TRUE(ejected(1));
  EXPECT_FALSE(ejected(2));
  EXPECT_FALSE(ejected(3));
  // As soon as one has returned, the next failure is enough.
  while (ejected(0) && ejected(1)) pass(100ms);
  fail(2, 1);
  EXPECT_TRUE(ejected(2));
}

TEST_F(OutlierDetectorTest, MayAlwaysTakeOutOneOfTwoButNeverTheOnlyOne) {
  config::Config small = config(2);
  small.upstreams[0].outlier->max_ejected_percent = 10;
  apply(small);
  fail(0);
  EXPECT_TRUE(ejected(0));
  fail(1, 10);
  EXPECT_FALSE(ejected(1));
  apply(config(1));
  EXPECT_FALSE(ejected(0));
  fail(0, 10);
  EXPECT_FALSE(ejected(0));
}

TEST_F(OutlierDetectorTest, TakesNobodyOutWhenNobodyMayBe) {
  config::Config strict = config();
  strict.upstreams[0].outlier->max_ejected_percent = 0;
  apply(strict);
  fail(0, 10);
  EXPECT_FALSE(ejected(0));
}

TEST_F(OutlierDetectorTest, NeverTakesOutTheLastOneThatCanBeUsed) {
  config::Config drained = config(3);
  drained.upstreams[0].outlier->max_ejected_percent = 100;
  drained.upstreams[0].endpoints[2].weight = 0;
  apply(drained);
  endpoint(1).verdict.healthy = false;
  fail(0, 10);
  EXPECT_FALSE(ejected(0));
  endpoint(1).verdict.healthy = true;
  fail(0, 1);
  EXPECT_TRUE(ejected(0));
}

TEST_F(OutlierDetectorTest, RelentsWhenHealthChecksFindTheOthersIll) {
  apply(config(2));
  fail(0);
  endpoint(1).verdict.healthy = false;
  detector_.relent(now_);
  EXPECT_FALSE(ejected(0));
  // Ill itself, it would be of no use.
  endpoint(1).verdict.healthy = true;
  fail(0);
  ASSERT_TRUE(ejected(0));
  endpoint(0).verdict.healthy = false;
  endpoint(1).verdict.healthy = false;
  detector_.relent(now_);
  EXPECT_TRUE(ejected(0));
}

TEST_F(OutlierDetectorTest, IgnoresWhatWasMetBeforeTheEndpointReturned) {
  fail(0);
  const base::Nanos during = now_ + 1s;
  fail(0, 10);  // It is out.
  time_out(0);
  for (int i = 0; i < 10; ++i) {
    detector_.take({.endpoint = &endpoint(0), .at = during, .outcome = Outcome::kConnectFailed},
                   now_);
  }
  EXPECT_FALSE(ejected(0));
  EXPECT_FALSE(suspected(0));
}

TEST_F(OutlierDetectorTest, KeepsCountsAndEjectionsOverAReload) {
  fail(0);
  fail(1, 2);
  apply(config());
  EXPECT_TRUE(ejected(0));
  fail(1, 1);
  EXPECT_TRUE(ejected(1));
  EXPECT_LE(time_out(0), kEjection + 200ms);
}

TEST_F(OutlierDetectorTest, BringsBackWhatIsNotJudgedAnyMore) {
  fail(0);
  fail(1, 1);
  config::Config plain = config();
  plain.upstreams[0].outlier.reset();
  apply(plain);
  EXPECT_FALSE(ejected(0));
  EXPECT_FALSE(suspected(1));
  fail(0, 10);
  EXPECT_FALSE(ejected(0));
}

TEST_F(OutlierDetectorTest, KeepsTheVerdictOfARemovedEndpointAndBeginsAnewWithAReturningOne) {
  config::Config four = config();
  config::Config others = config();
  others.upstreams[0].endpoints.erase(others.upstreams[0].endpoints.begin());
  fail(0);
  apply(others);
  EXPECT_TRUE(ejected(0));
  pass(1h);
  EXPECT_TRUE(ejected(0));
  apply(four);
  EXPECT_FALSE(ejected(0));
}

TEST_F(OutlierDetectorTest, BringsBackThoseThatAreTooManyAfterAReload) {
  fail(0);
  pass(1s);
  fail(1);
  config::Config strict = config();
  strict.upstreams[0].outlier->max_ejected_percent = 25;
  apply(strict);
  EXPECT_FALSE(ejected(0));
  EXPECT_TRUE(ejected(1));
}

}  // namespace
}  // namespace proxy
