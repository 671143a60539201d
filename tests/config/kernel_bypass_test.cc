// What the engine with network ports of its own needs, and what it cannot do.
#include "config/kernel_bypass.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/loading.h"

namespace config {
namespace {

using testing::errors_of;
using testing::kMinimal;
using Lines = std::vector<std::string>;

// The section in line 1, its addresses in line 2, the rest from line 3 on.
std::string with(const std::string& addresses, const std::string& rest) {
  return "dpdk: {ports: [a, b], addresses: [\n" + addresses + "]}\n" + rest;
}

constexpr const char* kOwn = "{address: 10.1.0.2/24}, {address: \"2001:db8::2/64\", port: 1}";

// That engine with this listener in line 4 and this upstream "u" in line 5.
std::string used(const std::string& listener, const std::string& upstream) {
  return with(kOwn, "transport: dpdk\nlisteners: [{name: l, upstream: u, " + listener +
                        "}]\nupstreams: [{name: u, " + upstream + "}]\n");
}

// The same with a good upstream, or a good listener.
std::string with_bind(const std::string& bind) {
  return used("bind: " + bind, "endpoints: [{address: 10.1.0.9:1}]");
}
std::string with_endpoints(const std::string& endpoints) {
  return used("bind: 10.1.0.2:80", "endpoints: [" + endpoints + "]");
}

TEST(KernelBypass, TakesAFileThatAsksForNothingOfTheKernel) {
  EXPECT_EQ(errors_of(with_bind("10.1.0.2:80")), Lines{});
  EXPECT_EQ(errors_of(with_bind("[0.0.0.0:80, 10.1.0.2:81]")), Lines{});
  EXPECT_EQ(errors_of(used("bind: \"[::]:80\", tcp: {nodelay: true}",
                           "endpoints: [{address: \"[2001:db8::9]:1\"}], pool: {idle: 5},\n"
                           "  connect: {source: \"2001:db8::2\"}")),
            Lines{});
  EXPECT_EQ(errors_of(used("bind: 10.1.0.2:80", "dns: {name: n, port: 1}")), Lines{});
}

TEST(KernelBypass, NeedsPortsAndAddresses) {
  const std::string needs =
      ":3:12: error: 'transport: dpdk' needs 'ports' and 'addresses' in the section 'dpdk'";
  EXPECT_EQ(errors_of(kMinimal + "transport: dpdk\n"), Lines{needs});
  EXPECT_EQ(errors_of(kMinimal + "transport: dpdk\ndpdk: {ports: [a]}\n"), Lines{needs});
  EXPECT_EQ(errors_of(kMinimal + "transport: dpdk\ndpdk: {addresses: [{address: 10.0.0.2/8}]}\n"),
            Lines{needs});
}

TEST(KernelBypass, DoesNotMissPortsThatCouldNotBeRead) {
  EXPECT_EQ(errors_of(kMinimal + "transport: dpdk\ndpdk: {port: [a]}\n"),
            Lines{":4:8: error: unknown key 'port'; did you mean 'ports'?"});
}

TEST(KernelBypass, NeedsNothingWhileAnotherEngineIsUsed) {
  EXPECT_EQ(errors_of(with(kOwn, kMinimal)), Lines{});
  EXPECT_EQ(errors_of("dpdk: {}\n" + kMinimal), Lines{});
}

TEST(KernelBypass, ChecksItsSectionWhicheverEngineIsUsed) {
  EXPECT_EQ(errors_of(with("{address: 10.1.0.2/24}, {address: 10.1.0.2/8, port: 1}", kMinimal)),
            Lines{":2:35: error: duplicate address 10.1.0.2; the first is at line 2, column 11"});
  EXPECT_EQ(errors_of(with("{address: 10.1.0.2/24, port: 2}", kMinimal)),
            Lines{":2:11: error: 'port' 2 of 10.1.0.2 is none of 'ports', which are 0 to 1"});
}

TEST(KernelBypass, AGatewayIsANeighbour) {
  for (const std::string good :
       {"{address: 10.1.0.2/24, gateway: 10.1.0.255}", "{address: 10.1.0.2/12, gateway: 10.15.9.9}",
        "{address: 10.1.0.2/32, gateway: 10.9.9.9}", "{address: 10.1.0.2/24, gateway: \"\"}",
        "{address: \"2001:db8::2/63\", gateway: \"2001:db8:0:1::9\"}"}) {
    EXPECT_EQ(errors_of(with(good, kMinimal)), Lines{}) << good;
  }
  const auto refused = [](const std::string& gateway, const std::string& network) {
    return ":2:11: error: 'gateway' " + gateway + " is no neighbour of " + network;
  };
  EXPECT_EQ(errors_of(with("{address: 10.1.0.2/24, gateway: 10.1.1.1}", kMinimal)),
            Lines{refused("10.1.1.1", "10.1.0.2/24")});
  EXPECT_EQ(errors_of(with("{address: 10.1.0.2/12, gateway: 10.16.0.1}", kMinimal)),
            Lines{refused("10.16.0.1", "10.1.0.2/12")});
  EXPECT_EQ(errors_of(with("{address: 10.1.0.2/24, gateway: 10.1.0.2}", kMinimal)),
            Lines{refused("10.1.0.2", "10.1.0.2/24")});
  EXPECT_EQ(errors_of(with("{address: 10.1.0.2/24, gateway: \"2001:db8::1\"}", kMinimal)),
            Lines{refused("2001:db8::1", "10.1.0.2/24")});
}

TEST(KernelBypass, ListensAtItsOwnAddressesOnly) {
  EXPECT_EQ(errors_of(with_bind("10.1.0.3:80")),
            Lines{":4:42: error: 10.1.0.3:80 is none of the 'addresses' of 'dpdk'"});
  EXPECT_EQ(errors_of(with_bind("unix:/run/x")),
            Lines{":4:42: error: unix:/run/x is a UNIX socket, and there are none with 'transport: "
                  "dpdk'"});
  EXPECT_EQ(errors_of(with_bind("10.1.0.2:0")),
            Lines{":4:42: error: 10.1.0.2:0 needs a port from 1 to 65535 with 'transport: dpdk'"});
  const std::string only_v4 =
      "dpdk: {ports: [a], addresses: [{address: 10.1.0.2/24}]}\ntransport: dpdk\n"
      "listeners: [{name: l, upstream: u, bind: \"[::]:80\"}]\n"
      "upstreams: [{name: u, dns: {name: n, port: 1}}]\n";
  EXPECT_EQ(errors_of(only_v4),
            Lines{":3:42: error: none of the 'addresses' of 'dpdk' is an IPv6 address for "
                  "[::]:80"});
}

TEST(KernelBypass, ConnectsToWhatItsPortsLeadTo) {
  EXPECT_EQ(errors_of(with_endpoints("{address: unix:/run/x}")),
            Lines{":5:45: error: endpoint unix:/run/x is a UNIX socket, and there are none with "
                  "'transport: dpdk'"});
  EXPECT_EQ(errors_of(with_endpoints("{address: 127.0.0.1:1}")),
            Lines{":5:45: error: endpoint 127.0.0.1:1 is the kernel's loopback, which no network "
                  "port leads to"});
  EXPECT_EQ(errors_of(with_endpoints("{address: 10.1.0.2:1}")),
            Lines{":5:45: error: endpoint 10.1.0.2:1 is one of the 'addresses' of 'dpdk', which do "
                  "not talk to one another"});
  const std::string only_v4 =
      "dpdk: {ports: [a], addresses: [{address: 10.1.0.2/24}]}\ntransport: dpdk\n"
      "listeners: [{name: l, upstream: v, bind: 10.1.0.2:80}]\n"
      "upstreams: [{name: u, endpoints: [{address: \"[2001:db8::9]:1\"}]},\n"
      "  {name: v, dns: {name: n, port: 1}}]\n";
  EXPECT_EQ(errors_of(only_v4),
            Lines{":4:45: error: none of the 'addresses' of 'dpdk' is an IPv6 address to reach "
                  "endpoint [2001:db8::9]:1"});
}

TEST(KernelBypass, DoesNotJoinTheFamilies) {
  EXPECT_EQ(errors_of(with_endpoints("{address: \"[2001:db8::9]:1\"}")),
            Lines{":4:42: error: 10.1.0.2:80 leads to [2001:db8::9]:1 (line 5, column 45): IPv4 "
                  "and IPv6 cannot be joined with 'transport: dpdk'"});
}

TEST(KernelBypass, ConnectsFromItsOwnAddresses) {
  EXPECT_EQ(errors_of(used("bind: 10.1.0.2:80",
                           "endpoints: [{address: 10.1.0.9:1}],\n"
                           "  connect: {source: [10.1.0.2, 10.1.0.3]}")),
            Lines{":6:21: error: 'source' 10.1.0.3 is none of the 'addresses' of 'dpdk'"});
}

TEST(KernelBypass, KnowsNoOriginalDestination) {
  EXPECT_EQ(errors_of(used("bind: 10.1.0.2:80", "original_dst: true")),
            Lines{":5:20: error: upstream 'u' has 'original_dst', which only the kernel knows: "
                  "not with 'transport: dpdk'"});
}

TEST(KernelBypass, HasNoSocketsWhoseOptionsCouldBeSet) {
  const std::string endpoints = "endpoints: [{address: 10.1.0.9:1}]";
  for (const std::string option :
       {"keepalive: {idle: 5s}", "user_timeout: 5s", "nodelay: false", "backlog: 7"}) {
    EXPECT_EQ(errors_of(used("bind: 10.1.0.2:80, tcp: {" + option + "}", endpoints)),
              Lines{":4:60: error: 'tcp' has no effect with 'transport: dpdk', whose connections "
                    "have no sockets; leave it out"})
        << option;
  }
}

TEST(KernelBypass, PassesOverWhatCouldNotBeRead) {
  EXPECT_EQ(errors_of(used("bind: x", "endpoints: [{address: y}]")).size(), 2U);
  EXPECT_EQ(errors_of(with("{address: z}", kMinimal)).size(), 1U);
}

}  // namespace
}  // namespace config
