#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/loading.h"

namespace config {
namespace {

using testing::errors_of;
using testing::kMinimal;
using Lines = std::vector<std::string>;

// One upstream with an endpoint and these keys; they begin in line 4, column 5.
std::string with(const std::string& keys) {
  return "listeners: [{name: l, bind: 127.0.0.1:1, upstream: u}]\nupstreams:\n"
         "  - {name: u, endpoints: [{address: 10.0.0.1:1}],\n    " +
         keys + "}\n";
}

std::string without_endpoints(const std::string& keys) {
  return "listeners: [{name: l, bind: 127.0.0.1:1, upstream: u}]\nupstreams:\n  - {name: u,\n    " +
         keys + "}\n";
}

TEST(SectionChecks, EndpointsComeFromOnePlace) {
  EXPECT_EQ(errors_of(with("dns: {name: a.b, port: 1}")),
            Lines{":4:5: error: 'dns' takes the place of 'endpoints', found at line 3, column 15"});
  EXPECT_EQ(errors_of(with("original_dst: true")),
            Lines{":4:5: error: 'original_dst' takes the place of 'endpoints', found at line 3, "
                  "column 15"});
  EXPECT_EQ(errors_of(without_endpoints("dns: {name: a.b, port: 1}, original_dst: true")),
            Lines{":4:32: error: 'original_dst' takes the place of 'dns', found at line 4, "
                  "column 5"});
}

TEST(SectionChecks, WhatNeedsEndpointsThatStayIsRefusedWithTheOriginalDestination) {
  for (const std::string key : {"pool: {idle: 1}", "health: {}", "outlier: {}", "slow_start: 1s"}) {
    const std::string name = key.substr(0, key.find(':'));
    EXPECT_EQ(errors_of(without_endpoints(key + ", original_dst: true")),
              Lines{":4:5: error: '" + name + "' has no meaning with 'original_dst'"});
  }
}

TEST(SectionChecks, AShorterTimeIsNotLongerThanItsLonger) {
  EXPECT_EQ(errors_of(with("health: {fast_interval: 3s}")),
            Lines{":4:14: error: 'fast_interval' (3s) must not be longer than 'interval' (2s)"});
  EXPECT_EQ(errors_of(with("outlier: {ejection_max: 1s}")),
            Lines{":4:15: error: 'ejection' (30s) must not be longer than 'ejection_max' (1s)"});
  EXPECT_EQ(errors_of(without_endpoints("dns: {name: a.b, port: 1, refresh: 10m}")),
            Lines{":4:31: error: 'refresh' (10m) must not be longer than 'refresh_max' (5m)"});
}

TEST(SectionChecks, ACheckMayTakeLongerThanTheInterval) {
  EXPECT_EQ(errors_of(with("health: {interval: 100ms}")), Lines{});
}

TEST(SectionChecks, APoolsLargestSizeFollowsIdleUnlessItIsWritten) {
  EXPECT_EQ(testing::loaded(with("pool: {idle: 100}")).upstreams.at(0).pool.idle_max, 100U);
  EXPECT_EQ(testing::loaded(with("pool: {idle: 10}")).upstreams.at(0).pool.idle_max, 64U);
  EXPECT_EQ(errors_of(with("pool: {idle: 100, idle_max: 99}")),
            Lines{":4:23: error: 'idle_max' (99) must not be below 'idle' (100)"});
}

TEST(SectionChecks, ARequestAndItsHeaderFitIntoOneExchange) {
  const auto health = [](std::size_t bytes, const std::string& more) {
    return with("health: {send: " + std::string(bytes, 'x') + more + "}");
  };
  EXPECT_EQ(errors_of(health(4096, "")), Lines{});
  EXPECT_EQ(errors_of(health(4097, "")),
            Lines{":4:20: error: 'send' takes at most 4096 bytes, not 4097"});
  EXPECT_EQ(errors_of(health(4080, ", proxy_protocol: v2")), Lines{});
  EXPECT_EQ(errors_of(health(4081, ", proxy_protocol: v2")),
            Lines{":4:14: error: 'send' takes at most 4080 bytes behind a PROXY header, not 4081"});
  EXPECT_EQ(errors_of(health(4081, ", proxy_protocol: v1")), Lines{});
  EXPECT_EQ(errors_of(health(4082, ", proxy_protocol: v1")).size(), 1U);
}

TEST(SectionChecks, AQueueWaitsForALimitedPlace) {
  EXPECT_EQ(errors_of(with("limits: {queue: 1}")),
            Lines{":4:5: error: 'queue' waits for a place, and nothing limits them: set "
                  "'max_sessions' or 'max_connecting' here or of an endpoint"});
  EXPECT_EQ(errors_of(with("limits: {queue: 1, max_sessions: 1}")), Lines{});
  EXPECT_EQ(errors_of(without_endpoints(
                "limits: {queue: 1}, endpoints: [{address: 10.0.0.1:1, max_sessions: 1}]")),
            Lines{});
}

TEST(SectionChecks, TheAdminApiAtALoopbackAddressNeedsAToken) {
  EXPECT_EQ(errors_of(kMinimal + "admin: {bind: \"127.0.0.1:9\"}\n"),
            Lines{":3:9: error: 'bind' at a loopback address, which every user of this machine can "
                  "reach, needs 'token_file'"});
  EXPECT_EQ(errors_of(kMinimal + "admin: {bind: \"127.0.0.1:9\", token_file: /t}\n"), Lines{});
  EXPECT_EQ(errors_of(kMinimal + "admin: {bind: \"unix:/s\"}\n"), Lines{});
}

TEST(SectionChecks, DnsHasAPortUnlessItsRecordsBringOne) {
  EXPECT_EQ(errors_of(without_endpoints("dns: {name: a.b}")),
            Lines{":4:10: error: 'dns' needs a 'port' from 1 to 65535 (or 'type: srv')"});
  EXPECT_EQ(errors_of(without_endpoints("dns: {name: a.b, type: srv, port: 1}")),
            Lines{":4:33: error: 'port' has no meaning with 'type: srv', whose records bring it"});
  EXPECT_EQ(errors_of(without_endpoints("dns: {name: a.b, type: srv}")), Lines{});
}

}  // namespace
}  // namespace config
