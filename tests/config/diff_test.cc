// What a reload changes.
#include "config/diff.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/loading.h"

namespace config {
namespace {

using testing::kMinimal;
using testing::loaded;

std::string shown(const std::vector<Change>& changes) {
  std::string out;
  for (const Change& change : changes) {
    constexpr const char* kSigns[] = {"=", "+", "-", "~"};
    out += kSigns[static_cast<std::size_t>(change.kind)] + change.name;
    if (change.kind != ChangeKind::kAdded) out += std::to_string(change.old_index);
    if (change.kind != ChangeKind::kRemoved) out += ">" + std::to_string(change.new_index);
    out += " ";
  }
  return out;
}

Config of(const std::vector<std::string>& listeners, const std::vector<std::string>& upstreams) {
  std::string text = "listeners:\n";
  for (const std::string& listener : listeners) text += "  - {" + listener + ", upstream: u}\n";
  text += "upstreams:\n  - {name: u, endpoints: [{address: \"10.0.0.1:1\"}]}\n";
  for (const std::string& upstream : upstreams) text += "  - {" + upstream + "}\n";
  return loaded(text);
}

const std::string kA = "name: a, bind: \"127.0.0.1:1\"";
const std::string kB = "name: b, bind: \"127.0.0.1:2\"";
const std::string kB2 = "name: b, bind: \"127.0.0.1:2\", max_sessions: 9";
const std::string kC = "name: c, bind: \"127.0.0.1:3\"";

TEST(Diff, OfAFileWithItselfIsEmptyWhateverMovedInIt) {
  const Config old = loaded(kMinimal);
  const Config next = loaded("# A comment moves every place.\n\nlog: {level: info}\n" + kMinimal);
  const Diff changes = diff(old, next);
  EXPECT_EQ(shown(changes.listeners), "=l0>0 ");
  EXPECT_EQ(shown(changes.upstreams), "=u0>0 ");
  EXPECT_FALSE(changes.settings);
  EXPECT_TRUE(changes.needs_restart.empty());
  EXPECT_EQ(summary(changes), "no changes");
}

TEST(Diff, MatchesByNameAndFindsAddedRemovedAndChanged) {
  const Diff changes = diff(of({kA, kB}, {}), of({kC, kB2}, {}));
  EXPECT_EQ(shown(changes.listeners), "+c>0 ~b1>1 -a0 ");
  EXPECT_EQ(summary(changes), "1 listener added, 1 listener removed, 1 listener changed");
}

TEST(Diff, ANewOrderIsNoChange) {
  const Diff changes = diff(of({kA, kB}, {}), of({kB, kA}, {}));
  EXPECT_EQ(shown(changes.listeners), "=b1>0 =a0>1 ");
}

TEST(Diff, AListenerDoesNotChangeWhenItsUpstreamMovesOrChanges) {
  const Config old = loaded(kMinimal);
  const Config next = loaded(
      "listeners: [{name: l, bind: \"127.0.0.1:1\", upstream: u}]\n"
      "upstreams: [{name: v, original_dst: true}, {name: u, endpoints: [{address: "
      "\"10.0.0.1:2\"}]}]\n");
  const Diff changes = diff(old, next);
  EXPECT_EQ(shown(changes.listeners), "=l0>0 ");
  EXPECT_EQ(shown(changes.upstreams), "+v>0 ~u0>1 ");
  EXPECT_EQ(summary(changes), "1 upstream added, 1 upstream changed");
}

TEST(Diff, AWildcardThatLosesIpv4HasChanged) {
  const Config old = of({"name: a, bind: \"[::]:80\""}, {});
  const Config next = of({"name: a, bind: \"[::]:80\"", "name: b, bind: \"0.0.0.0:80\""}, {});
  EXPECT_EQ(shown(diff(old, next).listeners), "~a0>0 +b>1 ");
}

TEST(Diff, EveryKeyOfAnUpstreamIsAChangeOfIt) {
  const auto with = [](const std::string& of_endpoint, const std::string& of_upstream) {
    return of({kA},
              {"name: v, endpoints: [{address: \"10.0.0.1:1\"" + of_endpoint + "}]" + of_upstream});
  };
  const Config old = with("", "");
  for (const char* key :
       {", balance: first", ", pool: {idle: 1}", ", pool: {max_age: 1s}",
        ", connect: {retry_budget: 1}", ", connect: {source: 10.0.0.9}", ", health: {}",
        ", outlier: {}", ", limits: {max_sessions: 1}", ", limits: {queue_timeout: 1s}",
        ", slow_start: 1s", ", on_remove: keep", ", all_down: try_all"}) {
    const Diff changes = diff(old, with("", key));
    EXPECT_EQ(shown(changes.upstreams), "=u0>0 ~v1>1 ") << key;
    EXPECT_EQ(summary(changes), "1 upstream changed") << key;
  }
  for (const char* key :
       {", weight: 1", ", priority: 1", ", max_sessions: 1", ", max_connecting: 1"}) {
    EXPECT_EQ(summary(diff(old, with(key, ""))), "1 upstream changed") << key;
  }
}

TEST(Diff, AKeyOfASectionThatMayBeAbsentIsAChange) {
  const std::string name = "name: v, dns: {name: n, port: 1";
  const std::string checked = "}, health: {send: a";
  const Config old = of({kA}, {name + checked + "}"});
  EXPECT_EQ(summary(diff(old, of({kA}, {name + checked + "}"}))), "no changes");
  EXPECT_EQ(summary(diff(old, of({kA}, {name + checked + "b}"}))), "1 upstream changed");
  EXPECT_EQ(summary(diff(old, of({kA}, {name + ", stale: 1h" + checked + "}"}))),
            "1 upstream changed");
  EXPECT_EQ(summary(diff(old, of({kA}, {name + "}"}))), "1 upstream changed");
}

TEST(Diff, CountsInThePlural) {
  EXPECT_EQ(summary(diff(of({kA}, {}), of({kA, kB, kC}, {"name: v, original_dst: true"}))),
            "2 listeners added, 1 upstream added");
}

TEST(Diff, NoticesSettingsThatApplyAtOnce) {
  const Config old = loaded(kMinimal);
  EXPECT_TRUE(diff(old, loaded(kMinimal + "log: {level: debug}\n")).settings);
  const Diff changes = diff(old, loaded(kMinimal + "shutdown: {drain: 1s}\n"));
  EXPECT_TRUE(changes.settings);
  EXPECT_EQ(summary(changes), "settings changed");
}

TEST(Diff, NamesWhatNeedsARestartAtItsPlace) {
  const Config old = loaded(kMinimal);
  const Config next = loaded(
      kMinimal +
      "workers: {count: 4, cpus: [0, 1]}\ntransport: epoll\nmetrics: {bind: \"127.0.0.1:1234\"}\n"
      "io_uring: {buffers: 2MiB}\ndpdk: {mss: 1400}\n"
      "admin: {enable: off, bind: \"unix:/a\"}\n"
      "security: {user: m, seccomp: off}\n");
  const std::string metrics =
      ":5:17: error: 'metrics.bind' changes from \"127.0.0.1:9464\" to \"127.0.0.1:1234\", "
      "which needs a restart";
  EXPECT_EQ(testing::printed(diff(old, next).needs_restart),
            (std::vector<std::string>{
                ":3:18: error: 'workers.count' changes from auto to 4, which needs a restart",
                ":3:27: error: 'workers.cpus' changes from auto to [0, 1], which needs a restart",
                ":4:12: error: 'transport' changes from auto to epoll, which needs a restart",
                ":6:21: error: 'io_uring.buffers' changes from 1MiB to 2MiB, which needs a restart",
                ":7:7: error: 'dpdk' changes, which needs a restart", metrics,
                ":8:28: error: 'admin.enable' changes from auto to off, which needs a restart",
                ":8:28: error: 'admin.bind' changes from \"unix:/run/millrace/admin.sock\" to "
                "\"unix:/a\", which needs a restart",
                ":9:18: error: 'security.user' changes from \"\" to \"m\", which needs a restart",
                ":9:30: error: 'security.seccomp' changes from auto to off, which needs a "
                "restart"}));
  // Taken out of the file again: there is no place left but the file itself.
  EXPECT_EQ(testing::printed(diff(next, old).needs_restart).front(),
            ":1:1: error: 'workers.count' changes from 4 to auto, which needs a restart");
}

}  // namespace
}  // namespace config
