#include "proxy/ctl_view.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace proxy {
namespace {

using nlohmann::json;

std::string shown(CtlAction action, const json& document) {
  CtlOptions options;
  options.action = action;
  options.file = "new.yaml";
  return ctl_text(options, document);
}

TEST(CtlView, EndpointsSayWhatWasOrdered) {
  const json endpoints = json::parse(R"({"endpoints": [
      {"upstream": "app", "address": "10.0.0.1:80", "state": "draining", "weight": 0, "priority": 0,
       "sessions_active": 1200, "max_sessions": 0, "connect_failures_total": 3,
       "override": {"state": "drain", "weight": 50}},
      {"upstream": "app", "address": "10.0.0.2:80", "state": "up", "weight": 7, "priority": 1,
       "sessions_active": 5, "max_sessions": 9, "connect_failures_total": 0,
       "override": {"state": "ready", "weight": 7}},
      {"upstream": "app", "address": "10.0.0.3:80", "state": "up", "weight": 1, "priority": 1,
       "sessions_active": 0, "max_sessions": 0, "connect_failures_total": 0, "override": null}]})");
  EXPECT_EQ(
      shown(CtlAction::kEndpoints, endpoints),
      "UPSTREAM  ENDPOINT     STATE     WEIGHT  PRIORITY  SESSIONS  LIMIT  FAILED CONNECTS  "
      "ORDERED\n"
      "app       10.0.0.1:80  draining       0         0     1,200      -                3  drain, "
      "weight 50\n"
      "app       10.0.0.2:80  up             7         1         5      9                0  weight "
      "7\n"
      "app       10.0.0.3:80  up             1         1         0      -                0  -\n");
}

TEST(CtlView, OneUpstreamsEndpointsCarryItsName) {
  CtlOptions options;
  options.action = CtlAction::kEndpoints;
  options.upstream = "app";
  const json upstream =
      json::parse(R"({"name": "app", "endpoints": [{"address": "10.0.0.1:80", "state": "up"}]})");
  EXPECT_NE(ctl_text(options, upstream).find("app       10.0.0.1:80  up"), std::string::npos);
}

TEST(CtlView, ListsSayWhatIsUnusual) {
  const json listeners = json::parse(R"({"listeners": [
      {"name": "a", "binds": ["1.1.1.1:1", "[::]:1"], "paused": true}, {"name": "b", "removed": true}]})");
  const std::string text = shown(CtlAction::kListeners, listeners);
  EXPECT_NE(text.find("1.1.1.1:1, [::]:1"), std::string::npos) << text;
  EXPECT_NE(text.find("paused\n"), std::string::npos) << text;
  EXPECT_NE(text.find("removed\n"), std::string::npos) << text;
  const json upstreams = json::parse(R"({"upstreams": [
      {"name": "a", "endpoints": [{"state": "up"}, {"state": "down"}, {"state": "up"}]}]})");
  EXPECT_NE(shown(CtlAction::kUpstreams, upstreams).find("2 of 3"), std::string::npos);
  const json pools =
      json::parse(R"({"pools": [{"upstream": "a", "hits_total": 3, "misses_total": 1}]})");
  EXPECT_NE(shown(CtlAction::kPools, pools).find("75 %"), std::string::npos);
}

TEST(CtlView, AConfigurationNamesWhatTheFileDoesNotKnow) {
  const json shown_config = json::parse(R"({"generation": 3, "file": "/etc/m.yaml",
      "effective": "workers:\n  count: 2\n",
      "overrides": [{"upstream": "app", "endpoint": "10.0.0.1:80", "state": "drain", "weight": null}]})");
  EXPECT_EQ(shown(CtlAction::kShowConfig, shown_config),
            "# Configuration 3 of /etc/m.yaml\n"
            "# Not in the file: upstream app, endpoint 10.0.0.1:80: drain\n"
            "workers:\n  count: 2\n");
}

TEST(CtlView, ADifferenceHasItsErrorsOrWhatItTouches) {
  EXPECT_EQ(shown(CtlAction::kDiffConfig, json::parse(R"({"valid": false, "problems":
                [{"line": 3, "column": 7, "text": "unknown key"}], "needs_restart": [], "changes": []})")),
            "new.yaml:3:7: error: unknown key\n");
  EXPECT_EQ(shown(CtlAction::kDiffConfig, json::parse(R"({"valid": true, "problems": [],
                "needs_restart": [], "changes": []})")),
            "a reload would change nothing\n");
  const std::string text = shown(CtlAction::kDiffConfig, json::parse(R"({"valid": true,
      "problems": [], "needs_restart": [{"line": 1, "column": 2, "text": "workers"}],
      "changes": [{"what": "listener", "name": "web", "endpoint": null, "change": "changed",
                   "fields": ["timeouts.idle", "bind"], "sessions": 12, "effect": "kept"}]})"));
  EXPECT_NE(text.find("new.yaml:1:2: needs a restart: workers\n"), std::string::npos) << text;
  EXPECT_NE(text.find("12  kept            timeouts.idle, bind\n"), std::string::npos) << text;
}

TEST(CtlView, AnswersToOrdersAreOneLine) {
  EXPECT_EQ(shown(CtlAction::kReload, {{"generation", 4}, {"summary", "no changes"}}),
            "configuration 4 is in force: no changes\n");
  EXPECT_EQ(shown(CtlAction::kEndSession, {{"ended", 1}}), "1 session ended\n");
  EXPECT_EQ(shown(CtlAction::kEndSessions, {{"ended", 1200}}), "1,200 sessions ended\n");
  EXPECT_EQ(shown(CtlAction::kDrain, {{"state", "draining"}}), "draining\n");
  EXPECT_EQ(shown(CtlAction::kSetLogLevel, {{"level", "debug"}}), "debug\n");
}

// As another version may answer.
TEST(CtlView, ADocumentThatLacksEverythingIsDashes) {
  for (const CtlAction action :
       {CtlAction::kStatus, CtlAction::kShowConfig, CtlAction::kListeners, CtlAction::kUpstreams,
        CtlAction::kEndpoints, CtlAction::kOrderEndpoint, CtlAction::kSessions,
        CtlAction::kShowSession, CtlAction::kPools, CtlAction::kWorkers, CtlAction::kReload}) {
    EXPECT_FALSE(shown(action, json::object()).empty());
  }
}

}  // namespace
}  // namespace proxy
