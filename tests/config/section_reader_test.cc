// From the tree to the structs: every key, every default, every refusal.
#include "config/section_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/config/loading.h"

namespace config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::errors_of;
using testing::kMinimal;
using testing::loaded;
using testing::with_listener;
using testing::with_upstream;
using Lines = std::vector<std::string>;

TEST(SectionReader, GivesEveryFieldOfAMinimalFileItsDefault) {
  const Config config = loaded(kMinimal);
  Config expected;
  Listener& listener = expected.listeners.emplace_back();
  listener.name = "l";
  listener.bind.push_back({base::parse_address("127.0.0.1:1").value(), false, {}});
  listener.upstream.name = "u";
  Upstream& upstream = expected.upstreams.emplace_back();
  upstream.name = "u";
  upstream.endpoints.push_back(
      {.address = base::parse_address("10.0.0.1:1").value(), .weight = 100, .mark = {}});
  EXPECT_EQ(config, expected);
}

TEST(SectionReader, TheDefaultsAreThoseOfTheContract) {
  const Config config = loaded(kMinimal);
  EXPECT_FALSE(config.workers.count);
  EXPECT_FALSE(config.workers.cpus);
  EXPECT_EQ(config.transport, TransportKind::kAuto);
  const Listener& listener = config.listeners.at(0);
  EXPECT_EQ(listener.max_sessions, 0U);
  EXPECT_EQ(listener.timeouts.idle, hours(1));
  EXPECT_EQ(listener.timeouts.half_close, seconds(30));
  EXPECT_EQ(listener.timeouts.lifetime, seconds(0));
  EXPECT_TRUE(listener.tcp.nodelay);
  EXPECT_EQ(listener.tcp.backlog, 4096U);
  EXPECT_EQ(listener.tcp.keepalive.idle, seconds(60));
  EXPECT_EQ(listener.tcp.keepalive.interval, seconds(10));
  EXPECT_EQ(listener.tcp.keepalive.probes, 3U);
  EXPECT_EQ(listener.tcp.user_timeout, seconds(0));
  const Upstream& upstream = config.upstreams.at(0);
  EXPECT_EQ(upstream.balance, Balance::kLeastSessions);
  EXPECT_EQ(upstream.endpoints.at(0).weight, 100U);
  EXPECT_FALSE(upstream.original_dst);
  EXPECT_EQ(upstream.connect.timeout, seconds(5));
  EXPECT_EQ(upstream.connect.attempts, 3U);
  EXPECT_EQ(upstream.connect.retry_budget, 20U);
  EXPECT_TRUE(upstream.connect.sources.empty());
  EXPECT_EQ(upstream.pool, (Pool{0, 64, seconds(30)}));
  EXPECT_FALSE(upstream.health);
  EXPECT_FALSE(upstream.outlier);
  EXPECT_FALSE(upstream.dns);
  EXPECT_EQ(upstream.limits, (Limits{0, 0, 0, seconds(5)}));
  EXPECT_EQ(upstream.slow_start, seconds(0));
  EXPECT_EQ(upstream.on_remove, OnRemove::kDrain);
  EXPECT_EQ(upstream.all_down, AllDown::kRefuse);
  EXPECT_EQ(base::to_string(config.metrics.bind.address), "127.0.0.1:9464");
  EXPECT_EQ(config.log.level, LogLevel::kInfo);
  EXPECT_EQ(config.log.format, LogFormat::kText);
  EXPECT_TRUE(config.log.access);
  EXPECT_EQ(config.log.access_output, AccessOutput{});
  EXPECT_EQ(config.log.access_sample, 1U);
  EXPECT_EQ(config.log.access_rate, 0U);
  EXPECT_EQ(config.admin.enable, AdminEnable::kAuto);
  EXPECT_EQ(base::to_string(config.admin.bind.address), "unix:/run/millrace/admin.sock");
  EXPECT_EQ(config.admin.token_file, "");
  EXPECT_EQ(config.shutdown.drain, seconds(30));
}

TEST(SectionReader, ReadsEveryKeyOfAListener) {
  const Config config = loaded(with_listener(
      "    bind: [\"0.0.0.0:80\", \"[2001:db8::1]:80\", \"unix:@m\"]\n"
      "    max_sessions: 7\n"
      "    timeouts: {idle: 2m, half_close: 0, lifetime: 1h}\n"
      "    tcp: {nodelay: false, backlog: 9, keepalive: {idle: 0, interval: 2s, probes: 5},\n"
      "          user_timeout: 1500ms}\n"));
  const Listener& listener = config.listeners.at(0);
  ASSERT_EQ(listener.bind.size(), 3U);
  EXPECT_EQ(base::to_string(listener.bind[1].address), "[2001:db8::1]:80");
  EXPECT_EQ(base::to_string(listener.bind[2].address), "unix:@m");
  EXPECT_EQ(listener.max_sessions, 7U);
  EXPECT_EQ(listener.timeouts, (Timeouts{minutes(2), seconds(0), hours(1)}));
  EXPECT_EQ(listener.tcp, (Tcp{false, 9, {seconds(0), seconds(2), 5}, milliseconds(1500)}));
}

TEST(SectionReader, ReadsEveryKeyOfAnUpstream) {
  const Config config =
      loaded(with_upstream("    balance: maglev\n"
                           "    endpoints: [{address: \"10.0.0.1:1\", weight: 0}]\n"
                           "    connect: {timeout: 10ms, attempts: 1, retry_budget: 0, source: "
                           "10.0.0.9}\n"
                           "  - {name: o, original_dst: true}\n"));
  const Upstream& upstream = config.upstreams.at(0);
  EXPECT_EQ(upstream.balance, Balance::kMaglev);
  EXPECT_EQ(upstream.endpoints.at(0).weight, 0U);
  EXPECT_EQ(upstream.connect.timeout, milliseconds(10));
  EXPECT_EQ(upstream.connect.attempts, 1U);
  EXPECT_EQ(upstream.connect.retry_budget, 0U);
  ASSERT_EQ(upstream.connect.sources.size(), 1U);
  EXPECT_EQ(base::ip_to_string(upstream.connect.sources[0]), "10.0.0.9");
  EXPECT_TRUE(config.upstreams.at(1).original_dst);
}

TEST(SectionReader, ReadsTheRestOfTheFile) {
  const Config config = loaded(
      kMinimal +
      "workers: {count: 3, cpus: [4, 1]}\n"
      "transport: epoll\nmetrics: {bind: \"[::1]:0\"}\n"
      "admin: {enable: \"on\", bind: \"127.0.0.1:9465\", token_file: /etc/token}\n"
      "log: {level: debug, format: json, access: false, access_output: \"file:/var/log/a\",\n"
      "      access_sample: 10, access_rate: 500/s}\nshutdown: {drain: 0}\n"
      "security: {user: millrace, seccomp: on}\n");
  EXPECT_EQ(config.workers.count, 3U);
  EXPECT_EQ(config.workers.cpus, (std::vector<int>{1, 4}));
  EXPECT_EQ(config.transport, TransportKind::kEpoll);
  EXPECT_EQ(base::to_string(config.metrics.bind.address), "[::1]:0");
  EXPECT_EQ(config.admin.enable, AdminEnable::kOn);
  EXPECT_EQ(base::to_string(config.admin.bind.address), "127.0.0.1:9465");
  EXPECT_EQ(config.admin.token_file, "/etc/token");
  EXPECT_EQ(config.log, (Log{LogLevel::kDebug,
                             LogFormat::kJson,
                             false,
                             AccessOutput{AccessTarget::kFile, "/var/log/a"},
                             {},
                             10,
                             500}));
  EXPECT_EQ(config.shutdown.drain, seconds(0));
  EXPECT_EQ(config.security.user, "millrace");
  EXPECT_EQ(config.security.seccomp, Seccomp::kOn);
}

TEST(SectionReader, TakesCpusAsWordTextOrNumber) {
  EXPECT_FALSE(loaded(kMinimal + "workers: {count: auto, cpus: auto}").workers.cpus);
  EXPECT_EQ(loaded(kMinimal + "workers: {cpus: \"0-2,6\"}").workers.cpus,
            (std::vector<int>{0, 1, 2, 6}));
  EXPECT_EQ(loaded(kMinimal + "workers: {cpus: 5}").workers.cpus, (std::vector<int>{5}));
  EXPECT_EQ(errors_of(kMinimal + "workers: {cpus: [0, x]}"),
            Lines{":3:17: error: 'cpus' takes an integer from 0 to 1023, not 'x'"});
  EXPECT_EQ(
      errors_of(kMinimal + "workers: {cpus: []}"),
      Lines{":3:17: error: 'cpus' takes auto, or CPU numbers from 0 to 1023 such as [0, 1, 4] "
            "or \"0-1,4\", not ''"});
}

TEST(SectionReader, RemembersThePlacesThatLaterErrorsName) {
  const Config config = loaded(
      "workers: {count: 2,\n  cpus: [0, 1]}\ntransport: epoll\nmetrics:\n  bind: 127.0.0.1:0\n" +
      with_listener("    bind: [127.0.0.1:0,\n      127.0.0.1:0]\n"));
  EXPECT_EQ(to_string(config.workers.count_mark), "line 1, column 18");
  EXPECT_EQ(to_string(config.workers.cpus_mark), "line 2, column 9");
  EXPECT_EQ(to_string(config.transport_mark), "line 3, column 12");
  EXPECT_EQ(to_string(config.metrics.bind.mark), "line 5, column 9");
  const Listener& listener = config.listeners.at(0);
  EXPECT_EQ(to_string(listener.mark), "line 7, column 11");
  EXPECT_EQ(to_string(listener.upstream.mark), "line 8, column 15");
  EXPECT_EQ(to_string(listener.bind.at(0).mark), "line 9, column 12");
  EXPECT_EQ(to_string(listener.bind.at(1).mark), "line 10, column 7");
  EXPECT_EQ(to_string(config.upstreams.at(0).mark), "line 12, column 11");
  EXPECT_EQ(to_string(config.upstreams.at(0).endpoints.at(0).mark), "line 13, column 27");
}

TEST(SectionReader, ReportsEveryErrorOfEverySectionInOneGo) {
  const std::string a_duration =
      "a duration from 1ms to 8760h, or 0 (written like 500ms, 5s, 1m or 1h)";
  EXPECT_EQ(
      errors_of("workers: {count: 0}\n"
                "transport: uring\n"
                "listeners:\n"
                "  - name: a b\n"
                "    bind: 80\n"
                "    timeouts: {idle: 5}\n"
                "upstreams:\n"
                "  - {name: u, endpoints: [{address: \"127.0.0.1:0\", weight: -1}]}\n"
                "log: {access: yes}\n"),
      (Lines{
          ":1:18: error: 'count' takes auto or an integer from 1 to 1024, not '0'",
          ":2:12: error: 'transport' takes auto, epoll, io_uring or dpdk, not 'uring'",
          ":4:5: error: missing key 'upstream' in this element of 'listeners'",
          ":4:11: error: 'name' takes a name of 1 to 64 characters of A-Z a-z 0-9 _ . -, not 'a b'",
          ":5:11: error: 'bind' takes an address: '80' lacks a port; write \"127.0.0.1:80\"",
          ":6:22: error: 'idle' takes " + a_duration + ", not '5'",
          ":8:37: error: 'address' takes a port from 1 to 65535, not '127.0.0.1:0'",
          ":8:60: error: 'weight' takes an integer from 0 to 65535, not '-1'",
          ":9:15: error: 'access' takes true or false, not 'yes'",
      }));
}

TEST(SectionReader, SuggestsTheLikelyKeyAndDoesNotMissItASecondTime) {
  EXPECT_EQ(errors_of("listners: []\n"),
            Lines{":1:1: error: unknown key 'listners'; did you mean 'listeners'?"});
  EXPECT_EQ(errors_of(with_upstream("    endpoins: []\n")),
            Lines{":4:5: error: unknown key 'endpoins'; did you mean 'endpoints'?"});
  EXPECT_EQ(errors_of(kMinimal + "frontends: 1\n"), Lines{":3:1: error: unknown key 'frontends'"});
  // Keys that do not work yet are known words, too.
  EXPECT_EQ(errors_of(kMinimal + "admni: 1\n"),
            Lines{":3:1: error: unknown key 'admni'; did you mean 'admin'?"});
}

TEST(SectionReader, RefusesEveryKeyOfTheContractThatDoesNotWorkYet) {
  const auto refused = [](const std::string& key) {
    return "error: '" + key + "' is not supported yet";
  };
  for (const std::string key :
       {"routes", "allow", "deny", "accept_rate", "per_source", "proxy_protocol", "trusted"}) {
    EXPECT_EQ(errors_of(with_listener("    bind: 127.0.0.1:1\n    " + key + ": x\n")),
              Lines{":5:5: " + refused(key)});
  }
  EXPECT_EQ(errors_of(with_listener("    bind: 127.0.0.1:1\n    timeouts: {first_bytes: 5s}\n")),
            Lines{":5:16: " + refused("first_bytes")});
  EXPECT_EQ(errors_of(with_upstream("    proxy_protocol: x\n")),
            Lines{":4:5: " + refused("proxy_protocol")});
}

TEST(SectionReader, ReadsTheEngineAndItsBuffersWhicheverEngineItIs) {
  EXPECT_EQ(loaded(kMinimal + "transport: io_uring\n").transport, TransportKind::kIoUring);
  EXPECT_EQ(loaded(kMinimal).io_uring.buffers_bytes, 1U << 20U);
  for (const std::string engine : {"auto", "epoll", "io_uring"}) {
    std::string text = kMinimal + "io_uring: {buffers: 256KiB}\n";
    text.append("transport: ").append(engine).append("\n");
    const Config config = loaded(text);
    EXPECT_EQ(config.io_uring.buffers_bytes, 256U << 10U) << engine;
    EXPECT_EQ(to_string(config.io_uring.buffers_mark), "line 3, column 21");
  }
}

TEST(SectionReader, ReadsEveryKeyOfTheEngineThatHasPortsOfItsOwn) {
  EXPECT_EQ(loaded(kMinimal).dpdk, Dpdk{});
  const Dpdk dpdk = loaded(kMinimal +
                           "dpdk:\n"
                           "  eal: [\"-n\", --no-huge, \"4\"]\n"
                           "  ports: [net_ring0, \"0000:03:00.0\"]\n"
                           "  addresses:\n"
                           "    - {address: 10.1.0.2/24, gateway: 10.1.0.1}\n"
                           "    - {address: \"2001:db8::2/64\", port: 1}\n"
                           "  mss: 1400\n  sessions_max: 7\n  hugepages: off\n  idle: sleep\n"
                           "  capture: {file: /tmp/a b.pcapng, one_in: 1, bytes_max: 1MiB}\n")
                        .dpdk;
  EXPECT_EQ(dpdk.eal, (std::vector<std::string>{"-n", "--no-huge", "4"}));
  EXPECT_EQ(dpdk.ports, (std::vector<std::string>{"net_ring0", "0000:03:00.0"}));
  ASSERT_EQ(dpdk.addresses.size(), 2U);
  EXPECT_EQ(base::ip_to_string(dpdk.addresses[0].address.ip), "10.1.0.2");
  EXPECT_EQ(dpdk.addresses[0].address.bits, 24U);
  EXPECT_EQ(dpdk.addresses[0].port, 0U);
  EXPECT_EQ(base::ip_to_string(dpdk.addresses[0].gateway), "10.1.0.1");
  EXPECT_EQ(to_string(dpdk.addresses[0].mark), "line 7, column 17");
  EXPECT_EQ(base::ip_to_string(dpdk.addresses[1].address.ip), "2001:db8::2");
  EXPECT_EQ(dpdk.addresses[1].address.bits, 64U);
  EXPECT_EQ(dpdk.addresses[1].port, 1U);
  EXPECT_EQ(dpdk.addresses[1].gateway.family, base::Family::kNone);
  EXPECT_EQ(dpdk.mss, 1400U);
  EXPECT_EQ(dpdk.sessions_max, 7U);
  EXPECT_EQ(dpdk.hugepages, HugePages::kOff);
  EXPECT_EQ(dpdk.idle, IdleMode::kSleep);
  EXPECT_EQ(dpdk.capture, (Capture{"/tmp/a b.pcapng", 1, 1U << 20U}));
  EXPECT_EQ(to_string(dpdk.mark), "line 4, column 3");
}

TEST(SectionReader, NamesTheWrongWordOfAList) {
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {ports: net_ring0}\n"),
            Lines{":3:15: error: 'ports' takes a list, not 'net_ring0'"});
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {eal: [-m, 64]}\n"),
            Lines{":3:13: error: 'eal' takes text; put quotes around it: \"64\""});
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {eal: [a b]}\n"),
            Lines{":3:13: error: 'eal' takes words of 1 to 256 printable ASCII characters without "
                  "spaces, not 'a b'"});
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {ports: [a, b, a]}\n"),
            Lines{":3:15: error: 'ports' names a twice"});
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {eal: [a, a]}\n"), Lines{});
  std::string many = kMinimal + "dpdk: {ports: [p";
  for (int i = 0; i < 32; ++i) many += ", p" + std::to_string(i);
  EXPECT_EQ(errors_of(many + "]}\n"),
            Lines{":3:15: error: 'ports' takes at most 32 elements, not 33"});
}

TEST(SectionReader, NamesTheWrongAddressGatewayOrFile) {
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {addresses: [{address: 10.1.0.2}]}\n"),
            Lines{":3:30: error: 'address' takes an address of this machine and the bits of its "
                  "network, as in 10.1.0.2/24, not '10.1.0.2'"});
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {addresses: [{address: 10.1.0.2/24, gateway: x}]}\n"),
            Lines{":3:52: error: 'gateway' takes an IP address without a port, not 'x'"});
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {capture: {file: x}}\n"),
            Lines{":3:24: error: 'file' takes the absolute path of a file, not 'x'"});
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {capture: {file: \"\"}}\n"), Lines{});
  EXPECT_EQ(errors_of(kMinimal + "dpdk: {addresses: [{port: 1}]}\n"),
            Lines{":3:20: error: missing key 'address' in this element of 'addresses'"});
}

TEST(SectionReader, KeepsTheBuffersOfAnEngineWithinWhatACacheHolds) {
  const std::string takes =
      ":3:21: error: 'buffers' takes a size from 64KiB to 8MiB (written like 64KiB or 1MiB), not ";
  for (const std::string size : {"32KiB", "9MiB", "1GiB", "1048576", "0"}) {
    std::string text = kMinimal;
    text.append("io_uring: {buffers: ").append(size).append("}\n");
    std::string error = takes;
    error.append("'").append(size).append("'");
    EXPECT_EQ(errors_of(text), Lines{error});
  }
}

TEST(SectionReader, ReadsEveryKeyThatKeepsAnUpstreamReadyAndHealthy) {
  const Config config = loaded(with_upstream(
      "    endpoints: [{address: \"10.0.0.1:1\", priority: 1, max_sessions: 5, max_connecting: "
      "2}]\n"
      "    pool: {idle: 4, idle_max: 8, max_age: 10s}\n"
      "    connect: {source: [10.0.0.8, 10.0.0.9]}\n"
      "    health: {type: tcp, interval: 1s, fast_interval: 100ms, timeout: 500ms, rise: 1, fall: "
      "4,\n"
      "             send: \"PING\\r\\n\", expect: 'hex:2B', port: 8, proxy_protocol: v2, initial: "
      "down}\n"
      "    outlier: {consecutive_failures: 2, ejection: 1s, ejection_max: 2s, max_ejected_percent: "
      "9}\n"
      "    limits: {max_sessions: 3, max_connecting: 4, queue: 5, queue_timeout: 6s}\n"
      "    slow_start: 30s\n"
      "    on_remove: close\n"
      "    all_down: try_all\n"));
  const Upstream& upstream = config.upstreams.at(0);
  EXPECT_EQ(upstream.endpoints[0].priority, 1U);
  EXPECT_EQ(upstream.endpoints[0].max_sessions, 5U);
  EXPECT_EQ(upstream.endpoints[0].max_connecting, 2U);
  EXPECT_EQ(upstream.pool, (Pool{4, 8, seconds(10)}));
  EXPECT_EQ(upstream.connect.sources.size(), 2U);
  ASSERT_TRUE(upstream.health);
  EXPECT_EQ(upstream.health->fast_interval, milliseconds(100));
  EXPECT_EQ(upstream.health->send, "PING\r\n");
  EXPECT_EQ(upstream.health->expect, "+");
  EXPECT_EQ(upstream.health->port, 8U);
  EXPECT_EQ(upstream.health->proxy_protocol, ProxyProtocol::kV2);
  EXPECT_EQ(upstream.health->initial, InitialHealth::kDown);
  EXPECT_EQ(upstream.outlier, (Outlier{2, seconds(1), seconds(2), 9}));
  EXPECT_EQ(upstream.limits, (Limits{3, 4, 5, seconds(6)}));
  EXPECT_EQ(upstream.slow_start, seconds(30));
  EXPECT_EQ(upstream.on_remove, OnRemove::kClose);
  EXPECT_EQ(upstream.all_down, AllDown::kTryAll);
}

TEST(SectionReader, ReadsEveryKeyOfDns) {
  const Config config = loaded(with_upstream(
      "    dns: {name: redis.internal, port: 6380, refresh: 1s, refresh_max: 2s, timeout: 3s, "
      "stale: 0,\n"
      "          linger: 4s, startup: fail, servers: [\"127.0.0.1:53\", \"[::1]:53\"]}\n"
      "  - {name: s, dns: {name: _redis._tcp.internal, type: srv}}\n"));
  const Dns& dns = config.upstreams.at(0).dns.value();
  EXPECT_EQ(dns.name, "redis.internal");
  EXPECT_EQ(dns.port, 6380U);
  EXPECT_EQ(dns.refresh_max, seconds(2));
  EXPECT_EQ(dns.stale, seconds(0));
  EXPECT_EQ(dns.startup, DnsStartup::kFail);
  EXPECT_EQ(dns.servers.size(), 2U);
  EXPECT_EQ(config.upstreams.at(1).dns->type, DnsType::kSrv);
}

TEST(SectionReader, AnEmptySectionHasEveryDefault) {
  const std::string endpoints = "    endpoints: [{address: \"10.0.0.1:1\"}]\n";
  const Config config = loaded(with_upstream(endpoints + "    health: {}\n    outlier: {}\n"));
  EXPECT_EQ(config.upstreams.at(0).health, Health{});
  EXPECT_EQ(config.upstreams.at(0).outlier, Outlier{});
  EXPECT_EQ(errors_of(with_upstream(endpoints + "    health:\n")),
            Lines{":5:5: error: 'health' takes 'key: value' pairs, not nothing"});
}

TEST(SectionReader, AnUpstreamHasEndpointsOrTheOriginalDestination) {
  EXPECT_EQ(errors_of(with_upstream("    balance: first\n")),
            Lines{":3:5: error: missing key 'endpoints' (or 'dns', or 'original_dst: true') in "
                  "this element of "
                  "'upstreams'"});
  EXPECT_EQ(errors_of(with_upstream("    original_dst: false\n")).size(), 1U);
  EXPECT_EQ(errors_of(with_upstream("    endpoints: []\n")),
            Lines{":4:16: error: 'endpoints' takes 1 to 10000 elements, not 0"});
  EXPECT_EQ(errors_of(with_upstream("    endpoints: [{address: \"10.0.0.1:1\"}]\n"
                                    "    original_dst: true\n")),
            Lines{":5:5: error: 'original_dst' takes the place of 'endpoints', found at line 4, "
                  "column 5"});
  EXPECT_EQ(errors_of(with_upstream("    original_dst: yes\n")),
            Lines{":4:19: error: 'original_dst' takes true or false, not 'yes'"});
}

TEST(SectionReader, NamesWhatItFoundInsteadOfTheRightKindOfValue) {
  EXPECT_EQ(errors_of("[1]"),
            Lines{":1:1: error: a configuration is made of 'key: value' pairs, not a list"});
  EXPECT_EQ(errors_of("hello"),
            Lines{":1:1: error: a configuration is made of 'key: value' pairs, not 'hello'"});
  EXPECT_EQ(errors_of("listeners: {}"),
            Lines{":1:12: error: 'listeners' takes a list, not a mapping"});
  EXPECT_EQ(errors_of("listeners:\n"), Lines{":1:1: error: 'listeners' takes a list, not nothing"});
  EXPECT_EQ(errors_of("listeners: []"),
            Lines{":1:12: error: 'listeners' takes 1 to 10000 elements, not 0"});
  EXPECT_EQ(errors_of("listeners: [x]"),
            Lines{":1:13: error: 'listeners' takes 'key: value' pairs, not 'x'"});
  EXPECT_EQ(errors_of(kMinimal + "log: info\n"),
            Lines{":3:6: error: 'log' takes 'key: value' pairs, not 'info'"});
  EXPECT_EQ(errors_of(kMinimal + "log:\n"),
            Lines{":3:1: error: 'log' takes 'key: value' pairs, not nothing"});
  EXPECT_EQ(errors_of(kMinimal + "log: {level: [info]}\n"),
            Lines{":3:14: error: 'level' takes one value, not a list"});
  EXPECT_EQ(errors_of(kMinimal + "log: {level: }\n"), Lines{":3:7: error: 'level' has no value"});
  EXPECT_EQ(errors_of(kMinimal + "log: {access: \"true\"}\n"),
            Lines{":3:15: error: 'access' takes a value without quotes, not \"true\""});
}

TEST(SectionReader, WantsQuotesWhereYamlWouldNotReadText) {
  EXPECT_EQ(errors_of("listeners: [{name: 80, bind: \"127.0.0.1:1\", upstream: \"80\"}]\n"
                      "upstreams: [{name: \"80\", endpoints: [{address: \"10.0.0.1:1\"}]}]\n"),
            Lines{":1:20: error: 'name' takes text; put quotes around it: \"80\""});
}

TEST(SectionReader, RefusesControlCharactersThatEscapesBrought) {
  EXPECT_EQ(
      errors_of(with_listener("    bind: \"unix:/run/\\x1bx\"\n")),
      Lines{":4:11: error: 'bind' takes text without control characters, not 'unix:/run/\\x1bx'"});
}

TEST(SectionReader, SuggestsTheLikelyChoice) {
  EXPECT_EQ(
      errors_of(with_upstream("    balance: round_robbin\n"
                              "    endpoints: [{address: \"10.0.0.1:1\"}]\n")),
      Lines{":4:14: error: 'balance' takes round_robin, least_sessions, random_two, source_hash, "
            "maglev or first, not 'round_robbin'; did you mean 'round_robin'?"});
}

}  // namespace
}  // namespace config
