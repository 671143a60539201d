#include "proxy/status_document.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/fd.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

using nlohmann::json;

class StatusDocumentTest : public testing::Test {
 protected:
  json document() const {
    return status_document({.status = status_, .catalog = catalog_, .access_log = access_log_});
  }
  json upstream(std::size_t index = 0) const { return document()["upstreams"].at(index); }
  json endpoint(std::size_t index = 0) const { return upstream()["endpoints"].at(index); }

  void configure(const config::Config& config) {
    ++generation_;
    status_.set_snapshot(make_snapshot(generation_, config, {{address("10.0.0.1:80")}}, catalog_));
  }
  void configure() { configure(two_endpoints()); }

  static config::Config two_endpoints() {
    return WorkerFixture::one_listener({"10.0.0.2:80", "10.0.0.3:80"});
  }

  base::UniqueFd sink_{open("/dev/null", O_WRONLY | O_CLOEXEC)};
  LogOutput output_{sink_.get()};
  AccessLog access_log_{output_, 2, {}};
  MetricsCatalog catalog_{2};
  ProgramStatus status_{"sim"};
  std::uint64_t generation_ = 0;
};

TEST_F(StatusDocumentTest, SaysWhatIsRunningAndSinceWhen) {
  configure();
  const json now = document();
  EXPECT_EQ(now["transport"], "sim");
  EXPECT_EQ(now["pid"], getpid());
  EXPECT_GE(now["now"].get<double>(), now["started"].get<double>());
  EXPECT_LT(now["now"].get<double>(), now["started"].get<double>() + 3600);
  EXPECT_EQ(now["config"]["generation"], 1);
  EXPECT_EQ(now["config"]["last_reload_accepted"], true);
  EXPECT_EQ(now["access_log"], (json{{"written", 0}, {"dropped", 0}}));
  EXPECT_GT(now["process"]["resident_bytes"].get<double>(), 1e6);
  EXPECT_GT(now["process"]["open_fds"].get<double>(), 0);
}

TEST_F(StatusDocumentTest, StateFollowsTheLifeOfTheProgram) {
  EXPECT_EQ(document()["state"], "starting");
  EXPECT_EQ(document()["listeners"], json::array()) << "there is no configuration yet";
  status_.ready = true;
  EXPECT_EQ(document()["state"], "ready");
  status_.draining = true;
  EXPECT_EQ(document()["state"], "draining");
}

TEST_F(StatusDocumentTest, AddsUpTheWorkersForListenersUpstreamsAndTotals) {
  configure();
  for (const auto& cells : catalog_.listener("web").cells) {
    cells->accepted.add(5);
    cells->sessions.add(2);
    cells->reject(Rejection::kLimit);
  }
  for (const auto& cells : catalog_.route("web", "app").cells) {
    cells->bytes[index_of(backends::Direction::kToUpstream)].add(10);
    cells->bytes[index_of(backends::Direction::kToClient)].add(100);
    cells->end({Actor::kClient, Cause::kEof});
    cells->end({Actor::kProxy, Cause::kIdle});
  }
  const json now = document();
  const json listener = now["listeners"].at(0);
  EXPECT_EQ(listener["name"], "web");
  EXPECT_EQ(listener["binds"], json::array({"10.0.0.1:80"}));
  EXPECT_EQ(listener["upstream"], "app");
  for (const json& counted : {listener, now["totals"]}) {
    EXPECT_EQ(counted["sessions_active"], 4);
    EXPECT_EQ(counted["sessions_total"], 4);
    EXPECT_EQ(counted["accepted_total"], 10);
    EXPECT_EQ(counted["rejected_total"], 2);
    EXPECT_EQ(counted["bytes_to_upstream"], 20);
    EXPECT_EQ(counted["bytes_to_client"], 200);
  }
  EXPECT_EQ(now["upstreams"].at(0)["bytes_to_client"], 200);
  EXPECT_EQ(now["ends"], json::array({{{"actor", "client"}, {"cause", "eof"}, {"count", 2}},
                                      {{"actor", "proxy"}, {"cause", "idle"}, {"count", 2}}}));
}

TEST_F(StatusDocumentTest, SetUpTimesOfPoolsAndConnectsAreCumulativeBuckets) {
  configure();
  ListenerSeries& series = catalog_.listener("web");
  series.cells[0]->setup.observe(2ms);
  series.cells[1]->setup_pooled.observe(50us);
  series.cells[1]->setup.observe(60s);
  const json setup = document()["totals"]["setup_seconds"];
  EXPECT_EQ(setup["count"], 3);
  EXPECT_NEAR(setup["sum"].get<double>(), 60.00205, 1e-9);
  EXPECT_EQ(setup["buckets"].front(), json::array({0.0001, 1}));
  EXPECT_EQ(setup["buckets"].at(3), json::array({0.001, 1}));
  EXPECT_EQ(setup["buckets"].at(4), json::array({0.0025, 2}));
  EXPECT_EQ(setup["buckets"].back(), json::array({30.0, 2})) << "the third is in the count only";
}

TEST_F(StatusDocumentTest, APausedListenerIsPausedWhateverTheNumberOfWorkers) {
  configure();
  EXPECT_EQ(document()["listeners"].at(0)["paused"], false);
  for (const auto& cells : catalog_.listener("web").cells) cells->paused.set(1);
  EXPECT_EQ(document()["listeners"].at(0)["paused"], true);
}

TEST_F(StatusDocumentTest, EndpointsAreInTheOrderOfTheFileWithTheirVerdicts) {
  config::Config config = two_endpoints();
  config.upstreams[0].endpoints[1].priority = 1;
  config.upstreams[0].endpoints[1].max_sessions = 7;
  config.upstreams[0].health.emplace();
  configure(config);
  const EndpointSeries& series = catalog_.endpoint("app", "10.0.0.3:80");
  for (const auto& cells : series.cells) {
    cells->sessions.add(3);
    cells->connect_failed(Cause::kConnectRefused);
    cells->connect_failed(Cause::kConnectTimeout);
  }
  EXPECT_EQ(endpoint(0)["address"], "10.0.0.2:80");
  EXPECT_EQ(endpoint(0)["state"], "up");
  EXPECT_EQ(endpoint(1), (json{{"address", "10.0.0.3:80"},
                               {"weight", 100},
                               {"priority", 1},
                               {"state", "up"},
                               {"healthy", true},
                               {"checked", true},
                               {"ejected", false},
                               {"sessions_active", 6},
                               {"max_sessions", 7},
                               {"connect_failures_total", 4},
                               {"override", nullptr},
                               {"removed", false}}));
  EXPECT_EQ(upstream()["connect_failures_total"], 4);
  EXPECT_EQ(upstream()["balance"], "first");
}

TEST_F(StatusDocumentTest, AnEndpointsStateIsWhatKeepsSessionsAway) {
  config::Config config = two_endpoints();
  config.upstreams[0].endpoints[0].weight = 0;
  configure(config);
  const EndpointSeries& series = catalog_.endpoint("app", "10.0.0.2:80");
  EXPECT_EQ(endpoint()["state"], "weightless");
  series.verdict.ejected = true;
  EXPECT_EQ(endpoint()["state"], "ejected");
  series.verdict.healthy = false;
  EXPECT_EQ(endpoint()["state"], "down");
  EXPECT_EQ(endpoint()["ejected"], true);
  EXPECT_EQ(endpoint()["checked"], false);
}

TEST_F(StatusDocumentTest, APoolIsThereOnlyWhereTheConfigurationHasOne) {
  configure();
  EXPECT_EQ(upstream()["pool"], nullptr);
  config::Config config = two_endpoints();
  config.upstreams[0].pool.idle = 4;
  configure(config);
  for (const auto& cells : catalog_.upstream("app").cells) {
    cells->pool_target.add(4);
    cells->pool_idle.add(3);
    cells->pool_connecting.add(1);
    cells->queued.add(2);
    cells->checked_out(Checkout::kHit);
    cells->checked_out(Checkout::kStale);
  }
  EXPECT_EQ(upstream()["pool"], (json{{"wanted", 8},
                                      {"idle", 6},
                                      {"connecting", 2},
                                      {"hits_total", 2},
                                      {"misses_total", 0},
                                      {"stale_total", 2}}));
  EXPECT_EQ(upstream()["queue"], 4);
}

TEST_F(StatusDocumentTest, WhatAReloadRemovedIsListedUntilItsLastSessionEnds) {
  configure();
  EndpointSeries& gone = catalog_.endpoint("app", "10.0.0.3:80");
  gone.cells[1]->connect_failed(Cause::kConnectRefused);
  configure(WorkerFixture::one_listener({"10.0.0.2:80"}));
  EXPECT_EQ(upstream()["endpoints"].size(), 1U);
  EXPECT_EQ(upstream()["connect_failures_total"], 1) << "a counter never falls";
  gone.cells[1]->sessions.add(1);
  ASSERT_EQ(upstream()["endpoints"].size(), 2U);
  EXPECT_EQ(endpoint(1)["removed"], true);
  EXPECT_EQ(endpoint(1)["state"], "draining");
}

TEST_F(StatusDocumentTest, RemovedListenersAndUpstreamsComeLastAndCountInTheTotals) {
  configure();
  ListenerSeries& listener = catalog_.listener("web");
  UpstreamSeries& up = catalog_.upstream("app");
  listener.cells[0]->accepted.add(3);
  catalog_.route("web", "app").cells[0]->end({Actor::kClient, Cause::kEof});
  config::Config other = two_endpoints();
  other.listeners[0].name = "other";
  other.listeners[0].upstream.name = "next";
  other.upstreams[0].name = "next";
  configure(other);
  EXPECT_EQ(document()["listeners"].size(), 1U);
  EXPECT_EQ(document()["totals"]["accepted_total"], 3);
  EXPECT_EQ(document()["totals"]["sessions_total"], 1);
  listener.cells[0]->sessions.add(1);
  up.cells[0]->sessions.add(1);
  const json now = document();
  ASSERT_EQ(now["listeners"].size(), 2U);
  EXPECT_EQ(now["listeners"].at(1)["name"], "web");
  EXPECT_EQ(now["listeners"].at(1)["removed"], true);
  ASSERT_EQ(now["upstreams"].size(), 2U);
  EXPECT_EQ(now["upstreams"].at(1)["name"], "app");
  EXPECT_EQ(now["upstreams"].at(1)["removed"], true);
}

TEST_F(StatusDocumentTest, WorkersAreListedWithTheirEngines) {
  catalog_.worker(1).transport.publish_engine("sim");
  catalog_.worker(1).busy_nanoseconds.add(1'500'000'000);
  catalog_.worker(1).sessions.set(9);
  const json now = document();
  ASSERT_EQ(now["workers"].size(), 2U);
  EXPECT_EQ(now["workers"].at(0)["engine"], "") << "it has not begun";
  EXPECT_EQ(
      now["workers"].at(1),
      (json{{"index", 1}, {"engine", "sim"}, {"sessions_active", 9}, {"busy_seconds_total", 1.5}}));
}

TEST_F(StatusDocumentTest, ItsTextIsAlwaysUtf8) {
  EXPECT_EQ(to_text(json("\xff")), "\"\xef\xbf\xbd\"\n");
  EXPECT_EQ(json::parse(to_text(json{{"a", 1}})), (json{{"a", 1}}));
}

}  // namespace
}  // namespace proxy
