// The checks between the parts of a configuration.
#include "config/validate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/loading.h"

namespace config {
namespace {

using testing::errors_of;
using testing::loaded;
using testing::with_listener;
using testing::with_upstream;
using Lines = std::vector<std::string>;

constexpr const char* kEndpoint = "    endpoints: [{address: \"10.0.0.1:1\"}]\n";

TEST(Validate, LinksEveryListenerToItsUpstream) {
  const Config config = loaded(
      "listeners:\n  - {name: x, bind: \"127.0.0.1:1\", upstream: b}\n"
      "  - {name: y, bind: \"127.0.0.1:2\", upstream: a}\n"
      "upstreams:\n  - {name: a, endpoints: [{address: \"10.0.0.1:1\"}]}\n"
      "  - {name: unused, endpoints: [{address: \"10.0.0.1:1\"}]}\n"
      "  - {name: b, endpoints: [{address: \"10.0.0.1:1\"}]}\n");
  ASSERT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.listeners[0].upstream.index, 2U);
  EXPECT_EQ(config.listeners[1].upstream.index, 0U);
}

TEST(Validate, NamesBothPlacesOfADuplicateName) {
  EXPECT_EQ(errors_of("listeners:\n"
                      "  - {name: l, bind: \"127.0.0.1:1\", upstream: u}\n"
                      "  - {name: l, bind: \"127.0.0.1:2\", upstream: u}\n"
                      "upstreams:\n"
                      "  - {name: u, endpoints: [{address: \"10.0.0.1:1\"}]}\n"
                      "  - {name: u, endpoints: [{address: \"10.0.0.1:1\"}]}\n"),
            (Lines{":3:12: error: duplicate listener 'l'; the first is at line 2, column 12",
                   ":6:12: error: duplicate upstream 'u'; the first is at line 5, column 12"}));
}

TEST(Validate, AListenerAndAnUpstreamMayShareAName) {
  EXPECT_EQ(errors_of("listeners: [{name: same, bind: \"127.0.0.1:1\", upstream: same}]\n"
                      "upstreams: [{name: same, endpoints: [{address: \"10.0.0.1:1\"}]}]\n"),
            Lines());
}

TEST(Validate, ReportsAnUnknownUpstreamWithTheLikelyOne) {
  EXPECT_EQ(errors_of("listeners: [{name: l, bind: \"127.0.0.1:1\", upstream: rediss}]\n"
                      "upstreams: [{name: redis, endpoints: [{address: \"10.0.0.1:1\"}]}]\n"),
            Lines{":1:54: error: unknown upstream 'rediss'; did you mean 'redis'?"});
  EXPECT_EQ(errors_of("listeners: [{name: l, bind: \"127.0.0.1:1\", upstream: other}]\n"),
            Lines{":1:54: error: unknown upstream 'other'"});
}

TEST(Validate, DoesNotMissUpstreamsThatCouldNotBeRead) {
  EXPECT_EQ(errors_of("listeners: [{name: l, bind: \"127.0.0.1:1\", upstream: u}]\n"
                      "upstream: []\n"),
            Lines{":2:1: error: unknown key 'upstream'; did you mean 'upstreams'?"});
}

TEST(Validate, NamesBothPlacesOfADuplicateEndpoint) {
  EXPECT_EQ(
      errors_of(with_upstream("    endpoints:\n"
                              "      - {address: 10.0.0.1:1}\n"
                              "      - {address: 10.0.0.2:1}\n"
                              "      - {address: 10.0.0.1:1, weight: 5}\n")),
      Lines{":7:19: error: duplicate endpoint 10.0.0.1:1; the first is at line 5, column 19"});
}

TEST(Validate, RefusesAnEndpointThatIsOurOwnListener) {
  EXPECT_EQ(errors_of("listeners: [{name: l, bind: \"0.0.0.0:80\", upstream: u}]\n"
                      "upstreams: [{name: u, endpoints: [{address: \"127.0.0.1:80\"}]}]\n"),
            Lines{":2:45: error: endpoint 127.0.0.1:80 is listener 'l' itself (line 1, column 29); "
                  "sessions would go round"});
}

TEST(Validate, RefusesASourceOfAnotherFamily) {
  EXPECT_EQ(
      errors_of(with_upstream("    endpoints: [{address: \"[::1]:1\"}, {address: \"unix:/x\"},\n"
                              "      {address: \"10.0.0.1:1\"}]\n"
                              "    connect: {source: 10.0.0.9}\n")),
      (Lines{":6:23: error: 10.0.0.9 cannot be the source of a connection to [::1]:1 at line 4, "
             "column 27",
             ":6:23: error: 10.0.0.9 cannot be the source of a connection to unix:/x at line 4, "
             "column 49"}));
}

TEST(Validate, EverySourceAndEveryEndpointHaveOneAnother) {
  const std::string endpoints =
      "    endpoints: [{address: \"[::1]:1\"}, {address: \"10.0.0.1:1\"}]\n";
  EXPECT_EQ(errors_of(with_upstream(endpoints + "    connect: {source: [10.0.0.9, \"::9\"]}\n")),
            Lines());
  EXPECT_EQ(errors_of(with_upstream(std::string(kEndpoint) +
                                    "    connect: {source: [10.0.0.9, \"::9\"]}\n")),
            Lines{":5:23: error: ::9 is the source of no connection: no endpoint of 'u' is an IPv6 "
                  "address"});
  EXPECT_EQ(
      errors_of(with_upstream("    dns: {name: n, port: 1}\n    connect: {source: \"::9\"}\n")),
      Lines());
}

TEST(Validate, RefusesAUnixListenerForTheOriginalDestination) {
  EXPECT_EQ(errors_of("listeners: [{name: l, bind: \"unix:/x\", upstream: u}]\n"
                      "upstreams: [{name: u, original_dst: true}]\n"),
            Lines{":1:29: error: a UNIX socket has no original destination, which upstream 'u' "
                  "connects to"});
}

TEST(Validate, ReportsConflictsOfAddressesOverAllListeners) {
  EXPECT_EQ(errors_of(with_listener("    bind: [\"127.0.0.1:80\", \"0.0.0.0:80\"]\n")),
            Lines{":4:12: error: 127.0.0.1:80 overlaps 0.0.0.0:80, which is at line 4, column 28"});
}

TEST(Validate, AnUnusedUpstreamIsFine) {
  EXPECT_EQ(errors_of(with_upstream(std::string(kEndpoint) + "  - name: v\n" + kEndpoint)),
            Lines());
}

}  // namespace
}  // namespace config
