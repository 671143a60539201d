#include "proxy/client_hash.h"

#include <gtest/gtest.h>

#include "base/address.h"

namespace proxy {
namespace {

base::IpPort client(const char* text) { return base::parse_address(text).value().ip; }

// Other instances and other versions must come to the same numbers.
TEST(ClientHash, NeverChanges) {
  EXPECT_EQ(client_hash(client("192.0.2.1:1"), 0), 3178573899526495306U);
  EXPECT_EQ(client_hash(client("192.0.2.1:1"), 1), 8937278698209838486U);
  EXPECT_EQ(client_hash(client("[2001:db8::1]:1"), 0), 2836299806520711584U);
}

TEST(ClientHash, PortScopeAndMappingDoNotCount) {
  EXPECT_EQ(client_hash(client("192.0.2.1:1"), 0), client_hash(client("192.0.2.1:999"), 0));
  EXPECT_EQ(client_hash(client("192.0.2.1:1"), 0), client_hash(client("[::ffff:192.0.2.1]:7"), 0));
  base::IpPort scoped = client("[fe80::1]:1");
  scoped.scope_id = 3;
  EXPECT_EQ(client_hash(scoped, 0), client_hash(client("[fe80::1]:1"), 0));
}

TEST(ClientHash, AttemptsAndAddressesDiffer) {
  EXPECT_NE(client_hash(client("192.0.2.1:1"), 0), client_hash(client("192.0.2.1:1"), 1));
  EXPECT_NE(client_hash(client("192.0.2.1:1"), 0), client_hash(client("192.0.2.2:1"), 0));
  EXPECT_NE(client_hash(client("[::1]:1"), 0), client_hash(client("[::2]:1"), 0));
}

TEST(ClientHash, AUnixClientHasNone) {
  EXPECT_TRUE(has_client_hash(client("192.0.2.1:1")));
  EXPECT_TRUE(has_client_hash(client("[::1]:1")));
  EXPECT_FALSE(has_client_hash(base::parse_address("unix:/tmp/x").value().ip));
  EXPECT_FALSE(has_client_hash(base::IpPort{}));
}

}  // namespace
}  // namespace proxy
