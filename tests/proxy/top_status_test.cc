#include "proxy/top_status.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace {

using nlohmann::json;

// As docs/status-page.md has it.
json document() {
  return json::parse(R"({
    "version": "0.1.0", "transport": "epoll", "pid": 1234, "now": 1764300000.5, "started": 1764299000.25,
    "state": "ready",
    "config": {"generation": 3, "reloads_accepted": 2, "reloads_refused": 1, "last_reload_accepted": false,
               "overrides": 1},
    "totals": {"sessions_active": 5, "sessions_total": 90, "accepted_total": 95, "rejected_total": 2,
               "bytes_to_upstream": 1000, "bytes_to_client": 2000,
               "setup_seconds": {"count": 7, "sum": 0.5, "buckets": [[0.001, 3], [0.01, 6]]}},
    "listeners": [{"name": "redis", "binds": ["127.0.0.1:6379", "[::1]:6379"], "upstream": "redis",
                   "sessions_active": 5, "max_sessions": 10, "sessions_total": 90, "accepted_total": 95,
                   "rejected_total": 2, "paused": true, "bytes_to_upstream": 1000, "bytes_to_client": 2000,
                   "removed": false}],
    "upstreams": [{"name": "redis", "balance": "least_sessions", "sessions_active": 4, "queue": 1,
                   "connect_failures_total": 8, "bytes_to_upstream": 1000, "bytes_to_client": 2000,
                   "pool": {"wanted": 6, "idle": 5, "connecting": 1, "hits_total": 40, "misses_total": 3,
                            "stale_total": 2},
                   "endpoints": [{"address": "10.0.0.1:6379", "weight": 50, "priority": 1, "state": "draining",
                                  "healthy": true, "checked": true, "ejected": false, "sessions_active": 4,
                                  "max_sessions": 20, "connect_failures_total": 8,
                                  "override": {"state": "drain", "weight": null}, "removed": false}],
                   "removed": false},
                  {"name": "old", "balance": null, "sessions_active": 1, "queue": 0,
                   "connect_failures_total": 0, "bytes_to_upstream": 0, "bytes_to_client": 0, "pool": null,
                   "endpoints": [], "removed": true}],
    "workers": [{"index": 0, "engine": "epoll", "sessions_active": 5, "busy_seconds_total": 1.5}],
    "ends": [{"actor": "client", "cause": "eof", "count": 90}],
    "access_log": {"written": 90, "dropped": 6},
    "process": {"resident_bytes": 1048576, "open_fds": 30, "max_fds": 1024, "cpu_seconds_total": null}})");
}

TEST(TopStatus, HasWhatTheDocumentSays) {
  const auto status = proxy::parse_top_status(document().dump());
  ASSERT_TRUE(status) << status.error();
  EXPECT_EQ(status->state, "ready");
  EXPECT_EQ(status->now, 1764300000.5);
  EXPECT_EQ(status->generation, 3);
  EXPECT_EQ(status->overrides, 1);
  EXPECT_FALSE(status->last_reload_accepted);
  EXPECT_EQ(status->sessions, 5);
  EXPECT_EQ(status->totals.accepted, 95);
  EXPECT_EQ(status->totals.rejected, 2);
  EXPECT_EQ(status->totals.bytes, (proxy::TopBytes{1000, 2000}));
  EXPECT_EQ(status->setup.count, 7);
  ASSERT_EQ(status->setup.buckets.size(), 2U);
  EXPECT_EQ(status->setup.buckets[1], std::pair(0.01, 6.0));
  EXPECT_EQ(status->log_dropped, 6);
  EXPECT_EQ(status->resident_bytes, 1048576);
  EXPECT_EQ(status->cpu_seconds, std::nullopt);
  ASSERT_EQ(status->workers.size(), 1U);
  EXPECT_EQ(status->workers[0].busy_seconds, 1.5);
  ASSERT_EQ(status->ends.size(), 1U);
  EXPECT_EQ(status->ends[0].cause, "eof");
}

TEST(TopStatus, HasTheListenersAndUpstreams) {
  const auto status = proxy::parse_top_status(document().dump());
  ASSERT_TRUE(status) << status.error();
  ASSERT_EQ(status->listeners.size(), 1U);
  const proxy::TopListener& listener = status->listeners[0];
  EXPECT_EQ(listener.binds, (std::vector<std::string>{"127.0.0.1:6379", "[::1]:6379"}));
  EXPECT_EQ(listener.max_sessions, 10);
  EXPECT_TRUE(listener.paused);
  ASSERT_EQ(status->upstreams.size(), 2U);
  const proxy::TopUpstream& upstream = status->upstreams[0];
  EXPECT_EQ(upstream.queue, 1);
  EXPECT_EQ(upstream.counters.connect_failures, 8);
  ASSERT_TRUE(upstream.pool);
  EXPECT_EQ(upstream.pool->idle, 5);
  EXPECT_EQ(upstream.counters.pool_stale, 2);
  ASSERT_EQ(upstream.endpoints.size(), 1U);
  EXPECT_EQ(upstream.endpoints[0].state, "draining");
  EXPECT_EQ(upstream.endpoints[0].priority, 1);
  EXPECT_TRUE(upstream.endpoints[0].overridden);
  EXPECT_TRUE(status->upstreams[1].removed);
  EXPECT_EQ(status->upstreams[1].balance, "");
  EXPECT_FALSE(status->upstreams[1].pool);
}

std::string problem(const json& document) {
  const auto status = proxy::parse_top_status(document.dump());
  return status ? "" : status.error();
}

TEST(TopStatus, NamesTheFirstFieldThatIsNotAsItShouldBe) {
  const std::string is_none = "the answer is no status document: ";
  json missing = document();
  missing["upstreams"][0]["endpoints"][0].erase("state");
  EXPECT_EQ(problem(missing), is_none + "'upstreams[0].endpoints[0].state' is missing");
  json wrong = document();
  wrong["totals"]["sessions_active"] = "5";
  EXPECT_EQ(problem(wrong), is_none + "'totals.sessions_active' is not a number");
  json list = document();
  list["listeners"] = json::object();
  EXPECT_EQ(problem(list), is_none + "'listeners' is not a list");
  json bucket = document();
  bucket["totals"]["setup_seconds"]["buckets"][1] = {1, "x"};
  EXPECT_EQ(problem(bucket),
            is_none + "'totals.setup_seconds.buckets[1]' is not a pair of numbers");
  json object = document();
  object["workers"][0] = 7;
  EXPECT_EQ(problem(object), is_none + "'workers[0]' is not an object");
  json flag = document();
  flag["listeners"][0]["paused"] = 1;
  EXPECT_EQ(problem(flag), is_none + "'listeners[0].paused' is neither true nor false");
  json bind = document();
  bind["listeners"][0]["binds"][1] = 1;
  EXPECT_EQ(problem(bind), is_none + "'listeners[0].binds[1]' is not a string");
}

TEST(TopStatus, SaysWhenItIsSomethingElse) {
  EXPECT_EQ(proxy::parse_top_status("<html>").error(), "the answer is not JSON");
  EXPECT_EQ(proxy::parse_top_status("").error(), "the answer is not JSON");
  EXPECT_EQ(proxy::parse_top_status("[]").error(),
            "the answer is no status document: it is not an object");
  EXPECT_EQ(proxy::parse_top_status("{}").error(),
            "the answer is no status document: 'totals' is missing");
}

TEST(TopStatus, DoesNotMindWhatIsNewOrOptional) {
  json changed = document();
  changed["new"] = {1, 2, 3};
  changed["listeners"][0].erase("removed");
  changed["upstreams"][0]["endpoints"][0]["state"] = "resting";
  const auto status = proxy::parse_top_status(changed.dump());
  ASSERT_TRUE(status) << status.error();
  EXPECT_FALSE(status->listeners[0].removed);
  EXPECT_EQ(status->upstreams[0].endpoints[0].state, "resting");
}

}  // namespace
