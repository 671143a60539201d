#include "config/own_listeners.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace config {
namespace {

// A set of listeners bound at these addresses; their ids are 0, 1, ...
OwnListeners bound_at(const std::vector<std::string>& addresses) {
  OwnListeners own;
  std::size_t id = 0;
  for (const std::string& text : addresses) own.add(base::parse_address(text).value(), id++);
  return own;
}

// The id that a connection reaches; -1 for none.
int reached(const OwnListeners& own, const std::string& text) {
  const auto id = own.reached_by(base::parse_address(text).value());
  return id ? static_cast<int>(*id) : -1;
}

TEST(OwnListeners, AreReachedAtTheirOwnAddress) {
  const OwnListeners own =
      bound_at({"10.0.0.1:80", "[fd00::1]:80", "unix:/a", "unix:@a", "[fe80::1%lo]:80"});
  EXPECT_EQ(reached(own, "10.0.0.1:80"), 0);
  EXPECT_EQ(reached(own, "[::ffff:10.0.0.1]:80"), 0);
  EXPECT_EQ(reached(own, "[fd00::1]:80"), 1);
  EXPECT_EQ(reached(own, "unix:/a"), 2);
  EXPECT_EQ(reached(own, "unix:@a"), 3);
  EXPECT_EQ(reached(own, "[fe80::1%lo]:80"), 4);
  for (const char* other :
       {"10.0.0.1:81", "10.0.0.2:80", "127.0.0.1:80", "[fd00::2]:80", "unix:/b", "unix:@b"}) {
    EXPECT_EQ(reached(own, other), -1) << other;
  }
}

TEST(OwnListeners, AWildcardIsReachedThroughLoopback) {
  const OwnListeners v4 = bound_at({"0.0.0.0:80"});
  EXPECT_EQ(reached(v4, "127.0.0.1:80"), 0);
  EXPECT_EQ(reached(v4, "127.9.9.9:80"), 0);
  EXPECT_EQ(reached(v4, "127.0.0.1:81"), -1);
  EXPECT_EQ(reached(v4, "[::1]:80"), -1);
  EXPECT_EQ(reached(v4, "10.0.0.1:80"), -1);  // Perhaps ours, perhaps another machine's.
}

TEST(OwnListeners, ADualStackWildcardTakesIpv4UnlessAnotherDoes) {
  EXPECT_EQ(reached(bound_at({"[::]:80"}), "[::1]:80"), 0);
  EXPECT_EQ(reached(bound_at({"[::]:80"}), "127.0.0.1:80"), 0);
  const OwnListeners both = bound_at({"[::]:80", "0.0.0.0:80"});
  EXPECT_EQ(reached(both, "[::1]:80"), 0);
  EXPECT_EQ(reached(both, "127.0.0.1:80"), 1);
}

TEST(OwnListeners, AConnectionToAWildcardIsOneToLoopback) {
  const OwnListeners own = bound_at({"127.0.0.1:80", "[::1]:80", "0.0.0.0:81"});
  EXPECT_EQ(reached(own, "0.0.0.0:80"), 0);
  EXPECT_EQ(reached(own, "[::]:80"), 1);
  EXPECT_EQ(reached(own, "0.0.0.0:81"), 2);
}

TEST(OwnListeners, APortThatTheKernelHasYetToChooseIsNowhere) {
  const OwnListeners own = bound_at({"127.0.0.1:0", "0.0.0.0:0"});
  EXPECT_EQ(reached(own, "127.0.0.1:0"), -1);
  EXPECT_EQ(reached(own, "127.0.0.1:80"), -1);
}

TEST(OwnListeners, TheFirstOfTwoWithOneAddressStays) {
  const OwnListeners own = bound_at({"127.0.0.1:80", "127.0.0.1:80", "0.0.0.0:81", "0.0.0.0:81"});
  EXPECT_EQ(reached(own, "127.0.0.1:80"), 0);
  EXPECT_EQ(reached(own, "127.0.0.1:81"), 2);
}

TEST(OwnListeners, AreEqualWhenTheyAreBoundAlike) {
  EXPECT_EQ(bound_at({"127.0.0.1:80", "0.0.0.0:81"}), bound_at({"127.0.0.1:80", "0.0.0.0:81"}));
  EXPECT_NE(bound_at({"127.0.0.1:80"}), bound_at({"127.0.0.1:81"}));
  EXPECT_EQ(bound_at({}), OwnListeners());
}

}  // namespace
}  // namespace config
