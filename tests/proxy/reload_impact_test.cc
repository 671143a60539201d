#include "proxy/reload_impact.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

class ReloadImpactTest : public testing::Test {
 protected:
  ReloadImpactTest() {
    config_.upstreams[0].on_remove = config::OnRemove::kClose;
    now_ = make_snapshot(1, config_, {{address("10.0.0.1:80")}}, catalog_);
    // Two workers, so that a count which looks at one of them is wrong.
    for (std::size_t worker : {0U, 1U}) {
      now_->listeners[0].series->cells[worker]->sessions.add(3);
      now_->upstreams[0].series->cells[worker]->sessions.add(3);
      now_->upstreams[0].endpoints[0].series->cells[worker]->sessions.add(2);
      now_->upstreams[0].endpoints[1].series->cells[worker]->sessions.add(1);
    }
  }

  std::vector<std::string> changes(const config::Config& next) {
    std::vector<std::string> all;
    for (const ImpactRow& row : reload_impact(*now_, next).changes) {
      constexpr const char* kKinds[] = {"=", "+", "-", "~"};
      std::string text(name(row.what));
      text += kKinds[static_cast<std::size_t>(row.change)] + row.name;
      if (!row.endpoint.empty()) text += "/" + row.endpoint;
      for (const std::string& field : row.fields) text += " " + field;
      all.push_back(text + " " + std::to_string(row.sessions) + " " +
                    std::string(name(row.effect)));
    }
    return all;
  }
  using Rows = std::vector<std::string>;

  MetricsCatalog catalog_{2};
  config::Config config_ = WorkerFixture::one_listener({"10.0.0.2:80", "10.0.0.3:80"});
  SnapshotPtr now_;
};

TEST_F(ReloadImpactTest, IsNothingWhenNothingChanges) { EXPECT_EQ(changes(config_), Rows{}); }

TEST_F(ReloadImpactTest, NamesTheKeysOfAListenerWhoseSessionsGoOn) {
  config_.listeners[0].timeouts.idle = 7s;
  EXPECT_EQ(changes(config_), Rows{"listener~web timeouts.idle 6 new_sessions_only"});
}

TEST_F(ReloadImpactTest, CountsTheSessionsOfAnEndpointThatGoes) {
  config_.upstreams[0].endpoints.erase(config_.upstreams[0].endpoints.begin());
  config_.upstreams[0].endpoints[0].weight = 7;
  EXPECT_EQ(changes(config_), (Rows{"endpoint~app/10.0.0.3:80 weight 2 new_sessions_only",
                                    "endpoint-app/10.0.0.2:80 4 closed"}));
}

TEST_F(ReloadImpactTest, GoesByTheOnRemoveThatComesWithTheReload) {
  config_.upstreams[0].endpoints.pop_back();
  config_.upstreams[0].on_remove = config::OnRemove::kKeep;
  EXPECT_EQ(changes(config_), (Rows{"upstream~app on_remove 6 new_sessions_only",
                                    "endpoint-app/10.0.0.3:80 2 kept"}));
}

TEST_F(ReloadImpactTest, HasNoSessionsOfWhatComes) {
  config_.upstreams[0].endpoints.emplace_back().address = address("10.0.0.4:80");
  config_.upstreams.push_back(config_.upstreams[0]);
  config_.upstreams[1].name = "other";
  EXPECT_EQ(changes(config_), (Rows{"endpoint+app/10.0.0.4:80 0 none", "upstream+other 0 none"}));
}

TEST_F(ReloadImpactTest, KeepsTheSessionsOfAListenerThatGoesUnlessItsUpstreamGoesToo) {
  config::Config without = config_;
  without.listeners.clear();
  EXPECT_EQ(changes(without), Rows{"listener-web 6 kept"});
  without.upstreams.clear();
  EXPECT_EQ(changes(without), (Rows{"listener-web 6 closed", "upstream-app 6 closed"}));
}

TEST_F(ReloadImpactTest, SaysWhichSettingsChangeAndWhatNeedsARestart) {
  config_.log.level = config::LogLevel::kDebug;
  config_.shutdown.drain = 7s;
  config_.transport = config::TransportKind::kEpoll;
  EXPECT_EQ(changes(config_), Rows{"settings~ log.level shutdown.drain 0 none"});
  EXPECT_EQ(reload_impact(*now_, config_).needs_restart.size(), 1U);
}

}  // namespace
}  // namespace proxy
