#include "config/changed_keys.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace config {
namespace {

using Names = std::vector<std::string>;

TEST(ChangedKeys, AreNoneOfEqualConfigurationsWhereverTheyStand) {
  Listener listener;
  Listener moved;
  moved.mark.line = 7;
  EXPECT_EQ(changed_keys(listener, moved), Names{});
}

TEST(ChangedKeys, HaveThePathOfTheirSection) {
  Listener old;
  Listener next;
  next.max_sessions = 9;
  next.timeouts.idle = std::chrono::seconds(7);
  next.tcp.keepalive.probes = 9;
  EXPECT_EQ(changed_keys(old, next),
            (Names{"max_sessions", "timeouts.idle", "tcp.keepalive.probes"}));
}

TEST(ChangedKeys, TellASectionThatComesOrGoesByItsName) {
  Upstream old;
  Upstream next;
  next.health.emplace();
  EXPECT_EQ(changed_keys(old, next), Names{"health"});
  EXPECT_EQ(changed_keys(next, old), Names{"health"});
  old.health.emplace().rise = 7;
  EXPECT_EQ(changed_keys(old, next), Names{"health.rise"});
}

TEST(ChangedKeys, TellAListByItsName) {
  Upstream old;
  Upstream next;
  old.endpoints.resize(2);
  next.endpoints.resize(2);
  EXPECT_EQ(changed_keys(old, next), Names{});
  next.endpoints[1].weight = 7;
  EXPECT_EQ(changed_keys(old, next), Names{"endpoints"});
  EXPECT_EQ(changed_keys(old.endpoints[1], next.endpoints[1]), Names{"weight"});
}

TEST(ChangedKeys, AreThoseOfTheSettings) {
  Log log;
  log.level = LogLevel::kDebug;
  EXPECT_EQ(changed_keys(Log{}, log), Names{"level"});
  EXPECT_EQ(changed_keys(Shutdown{}, Shutdown{.drain = base::Nanos{7}}), Names{"drain"});
  Admin admin;
  admin.token_file = "/run/token";
  EXPECT_EQ(changed_keys(Admin{}, admin), Names{"token_file"});
}

}  // namespace
}  // namespace config
