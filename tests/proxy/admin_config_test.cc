#include "proxy/admin_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "config/loader.h"

namespace proxy {
namespace {

using nlohmann::json;

constexpr const char* kFile = R"(listeners: [{name: web, bind: "127.0.0.1:80", upstream: app}]
upstreams: [{name: app, endpoints: [{address: "127.0.0.1:81"}]}]
)";

TEST(AdminConfig, ShowsWhatIsInForceSoThatItLoadsAgain) {
  Snapshot snapshot;
  snapshot.generation = 7;
  snapshot.config = config::load_text(kFile).value();
  Overrides overrides;
  ASSERT_TRUE(overrides.set("app", "127.0.0.1:81", {.state = AdminState::kDrain, .weight = 5}));
  const json shown = json::parse(show_config(snapshot, overrides, "/etc/m.yaml").body);
  EXPECT_EQ(shown["generation"], 7);
  EXPECT_EQ(shown["file"], "/etc/m.yaml");
  EXPECT_EQ(config::load_text(shown["effective"].get<std::string>()).value(), snapshot.config);
  EXPECT_EQ(shown["overrides"], json::parse(R"([{"upstream": "app", "endpoint": "127.0.0.1:81",
                                                 "state": "drain", "weight": 5}])"));
}

TEST(AdminConfig, TellsTheErrorsOfACandidateByTheirPlaces) {
  Snapshot snapshot;
  snapshot.config = config::load_text(kFile).value();
  const auto reply = diff_config(snapshot, "listeners: []\nupstream: 1\n");
  EXPECT_EQ(reply.status, metrics::HttpStatus::kOk);
  const json diff = json::parse(reply.body);
  EXPECT_EQ(diff["valid"], false);
  ASSERT_FALSE(diff["problems"].empty());
  for (const json& problem : diff["problems"]) {
    EXPECT_GE(problem["line"], 1);
    EXPECT_FALSE(problem["text"].get<std::string>().empty());
  }
}

TEST(AdminConfig, OfTheSameFileChangesNothing) {
  Snapshot snapshot;
  snapshot.config = config::load_text(kFile).value();
  const json diff = json::parse(diff_config(snapshot, kFile).body);
  EXPECT_EQ(diff,
            json::parse(R"({"valid": true, "problems": [], "needs_restart": [], "changes": []})"));
}

}  // namespace
}  // namespace proxy
