// Circles of listeners and upstreams, and the chains that are none.
#include "config/loops.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/config/loading.h"

namespace config {
namespace {

using testing::errors_of;
using Lines = std::vector<std::string>;

struct Hop {
  std::string name;      // Of a listener and of its upstream.
  std::string bind;      // One address.
  std::string endpoint;  // One address.
};

// Listeners on lines 2, 3, ..., and behind the line "upstreams:" theirs. With names of one letter
// the address of a listener begins in column 19 and that of an endpoint in column 35.
std::string chain(const std::vector<Hop>& hops) {
  std::string text = "listeners:\n";
  for (const Hop& hop : hops) {
    text += "- {name: " + hop.name + ", bind: '" + hop.bind + "', upstream: " + hop.name + "}\n";
  }
  text += "upstreams:\n";
  for (const Hop& hop : hops) {
    text += "- {name: " + hop.name + ", endpoints: [{address: '" + hop.endpoint + "'}]}\n";
  }
  return text;
}

TEST(Loops, AListenerWhoseEndpointIsItselfIsRefusedWithBothPlaces) {
  EXPECT_EQ(errors_of(chain({{"a", "127.0.0.1:80", "127.0.0.1:80"}})),
            Lines{":4:35: error: endpoint 127.0.0.1:80 is listener 'a' itself (line 2, column 19); "
                  "sessions would go round"});
}

TEST(Loops, AWildcardIsReachedThroughLoopback) {
  EXPECT_EQ(errors_of(chain({{"a", "0.0.0.0:80", "127.0.0.1:80"}})).size(), 1U);
  EXPECT_EQ(errors_of(chain({{"a", "[::]:80", "127.1.2.3:80"}})).size(), 1U);
  EXPECT_EQ(errors_of(chain({{"a", "[::]:80", "[::1]:80"}})).size(), 1U);
  EXPECT_EQ(errors_of(chain({{"a", "unix:/a", "unix:/a"}})).size(), 1U);
  EXPECT_EQ(errors_of(chain({{"a", "0.0.0.0:80", "[::1]:80"}})), Lines{});
  EXPECT_EQ(errors_of(chain({{"a", "0.0.0.0:80", "10.0.0.1:80"}})), Lines{});
}

TEST(Loops, AListenerMayHaveAnotherListenerBehindIt) {
  EXPECT_EQ(errors_of(chain({{"a", "127.0.0.1:80", "127.0.0.1:81"},
                             {"b", "127.0.0.1:81", "127.0.0.1:82"},
                             {"c", "127.0.0.1:82", "10.0.0.1:80"}})),
            Lines{});
}

TEST(Loops, ACircleIsRefusedWithTheWayRound) {
  EXPECT_EQ(errors_of(chain({{"a", "127.0.0.1:80", "127.0.0.1:81"},
                             {"b", "127.0.0.1:81", "127.0.0.1:82"},
                             {"c", "127.0.0.1:82", "127.0.0.1:80"}})),
            Lines{":8:35: error: endpoint 127.0.0.1:80 is listener 'a' (line 2, column 19), which "
                  "leads back here through 'a', 'b', 'c'; sessions would go round"});
}

TEST(Loops, WhatLeadsIntoACircleIsNoPartOfIt) {
  EXPECT_EQ(errors_of(chain(
                {{"a", "127.0.0.1:80", "127.0.0.1:81"}, {"b", "127.0.0.1:81", "127.0.0.1:81"}})),
            Lines{":6:35: error: endpoint 127.0.0.1:81 is listener 'b' itself (line 3, column 19); "
                  "sessions would go round"});
}

TEST(Loops, TwoWaysToOnePlaceAreNoCircle) {
  EXPECT_EQ(errors_of("listeners:\n"
                      "- {name: a, bind: '127.0.0.1:80', upstream: a}\n"
                      "- {name: b, bind: ['127.0.0.1:81', '127.0.0.1:82'], upstream: b}\n"
                      "upstreams:\n"
                      "- {name: a, endpoints: [{address: '127.0.0.1:81'}, {address: "
                      "'127.0.0.1:82'}]}\n"
                      "- {name: b, endpoints: [{address: '10.0.0.1:80'}]}\n"),
            Lines{});
}

TEST(Loops, AnUpstreamThatNoListenerOfTheCircleUsesIsNoPartOfIt) {
  EXPECT_EQ(errors_of("listeners:\n"
                      "- {name: a, bind: '127.0.0.1:80', upstream: a}\n"
                      "upstreams:\n"
                      "- {name: a, endpoints: [{address: '10.0.0.1:80'}]}\n"
                      "- {name: b, endpoints: [{address: '127.0.0.1:80'}]}\n"),
            Lines{});
}

TEST(Loops, AListenerWithoutAnUpstreamLeadsNowhere) {
  EXPECT_EQ(errors_of("listeners:\n"
                      "- {name: a, bind: '127.0.0.1:80', upstream: nobody}\n"
                      "upstreams:\n"
                      "- {name: u, endpoints: [{address: '127.0.0.1:80'}]}\n"),
            Lines{":2:45: error: unknown upstream 'nobody'"});
}

TEST(Loops, ALongWayIsShownInPart) {
  std::vector<Hop> hops;
  hops.reserve(12);
  for (int i = 0; i < 12; ++i) {
    hops.push_back({std::string(1, static_cast<char>('a' + i)),
                    "127.0.0.1:" + std::to_string(100 + i),
                    "127.0.0.1:" + std::to_string(100 + (i + 1) % 12)});
  }
  const Lines errors = errors_of(chain(hops));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_NE(errors[0].find("through 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', ...; sessions"),
            std::string::npos)
      << errors[0];
}

TEST(Loops, AVeryLongChainIsSearchedWithoutRecursion) {
  Config config;
  constexpr std::uint16_t kLength = 60'000;
  for (std::uint16_t i = 1; i <= kLength; ++i) {
    base::Address here = base::parse_address("127.0.0.1:1").value();
    here.ip.port = i;
    base::Address next = here;
    next.ip.port = i == kLength ? 1 : static_cast<std::uint16_t>(i + 1);
    Listener& listener = config.listeners.emplace_back();
    listener.bind.push_back({.address = here, .v6_only = false, .mark = {}});
    listener.upstream = {.name = "u", .index = static_cast<std::size_t>(i - 1), .mark = {}};
    Upstream& upstream = config.upstreams.emplace_back();
    upstream.name = "u";
    upstream.endpoints.emplace_back().address = next;
  }
  Problems problems;
  refuse_loops(config, problems);
  EXPECT_EQ(problems.size(), 1U);
}

}  // namespace
}  // namespace config
