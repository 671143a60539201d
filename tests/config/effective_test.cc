// The printed configuration: complete, and the same configuration again.
#include "config/effective.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/config/loading.h"

namespace config {
namespace {

using testing::kMinimal;
using testing::loaded;

constexpr const char* kDefaults = R"(workers:
  count: auto
  cpus: auto
transport: auto
io_uring:
  buffers: 1MiB
dpdk:
  eal: []
  ports: []
  mss: 1460
  sessions_max: 1000000
  hugepages: auto
  idle: spin
  capture:
    file: ""
    one_in: 1000
    bytes_max: 64MiB
listeners:
  - name: l
    bind: ["127.0.0.1:1"]
    upstream: u
    max_sessions: 0
    timeouts:
      idle: 1h
      half_close: 30s
      lifetime: 0
    tcp:
      nodelay: true
      backlog: 4096
      keepalive:
        idle: 1m
        interval: 10s
        probes: 3
      user_timeout: 0
upstreams:
  - name: u
    balance: least_sessions
    endpoints:
      - address: "10.0.0.1:1"
        weight: 100
        priority: 0
        max_sessions: 0
        max_connecting: 0
    original_dst: false
    pool:
      idle: 0
      idle_max: 64
      max_age: 30s
    connect:
      timeout: 5s
      attempts: 3
      retry_budget: 20
      source: ""
    limits:
      max_sessions: 0
      max_connecting: 0
      queue: 0
      queue_timeout: 5s
    slow_start: 0
    on_remove: drain
    all_down: refuse
metrics:
  bind: "127.0.0.1:9464"
admin:
  enable: auto
  bind: "unix:/run/millrace/admin.sock"
  token_file: ""
log:
  level: info
  format: text
  access: true
  access_output: stderr
  access_sample: 1
  access_rate: 0/s
shutdown:
  drain: 30s
security:
  user: ""
  seccomp: auto
)";

TEST(Effective, PrintsEveryKeyWithItsDefault) { EXPECT_EQ(effective(loaded(kMinimal)), kDefaults); }

TEST(Effective, LoadsAgainToAnEqualConfig) {
  const Config config = loaded(
      "workers: {count: 2, cpus: \"0-1,5\"}\n"
      "transport: io_uring\n"
      "io_uring: {buffers: 1536KiB}\n"
      "dpdk: {eal: [\"-n\", 'a\"b\\c'], ports: [a, b], mss: 536, sessions_max: 1, hugepages: off,\n"
      "  addresses: [{address: 10.1.0.2/24, gateway: 10.1.0.1}, {address: \"2001:db8::2/64\", "
      "port: "
      "1}],\n"
      "  idle: sleep, capture: {file: '/tmp/a\"b', one_in: 1, bytes_max: 1GiB}}\n"
      "listeners:\n"
      "  - {name: \"no\", bind: [\"[::]:80\", \"0.0.0.0:80\", 'unix:/run/a\"b\\.sock'], upstream: "
      "\"1\",\n"
      "     max_sessions: 5, timeouts: {idle: 0, half_close: 1500ms, lifetime: 25h},\n"
      "     tcp: {nodelay: false, backlog: 1, keepalive: {idle: 0, interval: 1s, probes: 127},\n"
      "           user_timeout: 90s}}\n"
      "  - {name: b, bind: \"[fe80::1%lo]:81\", upstream: dst}\n"
      "upstreams:\n"
      "  - {name: \"1\", balance: maglev, connect: {timeout: 1ms, attempts: 8, source: "
      "\"::5\"},\n"
      "     endpoints: [{address: \"[2001:db8::1]:65535\", weight: 0}], pool: {idle: 100},\n"
      "     health: {send: 'a\"\\\\b\\xff\\0', expect: 'hex:00ff'}, outlier: {}, on_remove: keep}\n"
      "  - {name: s, dns: {name: _x._tcp.example, type: srv, servers: [9.9.9.9]}}\n"
      "  - {name: d, dns: {name: d.example, port: 1, servers: [\"[::1]:53\"]}}\n"
      "  - {name: dst, original_dst: true}\n"
      "metrics: {bind: \"[::1]:0\"}\n"
      "admin: {enable: off, bind: \"[::1]:5\", token_file: '/a\"b'}\n"
      "log: {level: error, format: json, access: false, access_output: 'file:/a\"b',\n"
      "  access_sample: 7, access_rate: 9/s}\n"
      "shutdown: {drain: 0}\n"
      "security: {user: no, seccomp: off}\n");
  ASSERT_EQ(config.listeners.size(), 2U);
  const Config again = loaded(effective(config));
  EXPECT_EQ(again, config);
  EXPECT_TRUE(again.listeners[0].bind[0].v6_only);
  EXPECT_EQ(again.listeners[1].upstream.index, 3U);
  EXPECT_EQ(effective(again), effective(config));
}

TEST(Effective, LoadsAgainForEveryExample) {
  int examples = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(testing::source_root() / "deploy/examples")) {
    if (file.path().extension() != ".yaml") continue;
    ++examples;
    const Loaded config = load(file.path());
    ASSERT_TRUE(config) << testing::printed(config.error()).front();
    EXPECT_EQ(loaded(effective(*config)), *config) << file.path();
  }
  EXPECT_GE(examples, 6);
}

}  // namespace
}  // namespace config
