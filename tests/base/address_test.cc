// Addresses as people write them and as the kernel takes them.
#include "base/address.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <vector>

#include "base/fd.h"

namespace {

using base::Address;
using base::Family;

Address parsed(const std::string& text) {
  const auto address = base::parse_address(text);
  EXPECT_TRUE(address.has_value()) << text << ": " << (address ? "" : address.error());
  return address.value_or(Address{});
}

std::string refusal(const std::string& text) {
  const auto address = base::parse_address(text);
  EXPECT_FALSE(address.has_value()) << "'" << text << "' was taken";
  return address ? "" : address.error();
}

TEST(Address, PrintsAsItIsWritten) {
  const std::vector<std::string> texts = {
      "0.0.0.0:0",      "127.0.0.1:80",      "255.255.255.255:65535", "[::]:80",
      "[::1]:65535",    "[2001:db8::1]:443", "unix:/run/a.so",        "[::ffff:10.0.0.1]:443",
      "unix:@millrace", "unix:relative",
  };
  for (const std::string& text : texts) EXPECT_EQ(to_string(parsed(text)), text);
}

TEST(Address, KeepsFamilyBytesAndPort) {
  const Address v4 = parsed("10.1.2.3:4567");
  EXPECT_EQ(v4.family(), Family::kV4);
  EXPECT_EQ(v4.ip.port, 4567);
  EXPECT_EQ(v4.ip.bytes[0], 10);
  EXPECT_EQ(v4.ip.bytes[3], 3);
  EXPECT_EQ(v4.ip.bytes[4], 0);

  const Address v6 = parsed("[2001:db8::7]:1");
  EXPECT_EQ(v6.family(), Family::kV6);
  EXPECT_EQ(v6.ip.bytes[0], 0x20);
  EXPECT_EQ(v6.ip.bytes[15], 7);

  const Address local = parsed("unix:/tmp/x");
  EXPECT_EQ(local.family(), Family::kUnix);
  EXPECT_EQ(local.path, "/tmp/x");
}

TEST(Address, PrintsTheShortFormOfALongV6Address) {
  EXPECT_EQ(to_string(parsed("[2001:0db8:0000:0000:0000:0000:0000:0001]:80")), "[2001:db8::1]:80");
}

TEST(Address, RefusesWhatIsNotAnAddressAndSaysWhy) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "lacks a port"},
      {"127.0.0.1", "lacks a port"},
      {"[::1]", "lacks a port"},
      {"[::1", "lacks a port"},
      {"[::1]80", "lacks a port"},
      {"127.0.0.1:", "is not a port"},
      {"127.0.0.1:65536", "is not a port"},
      {"127.0.0.1:-1", "is not a port"},
      {"127.0.0.1:+80", "is not a port"},
      {"127.0.0.1:080", "is not a port"},
      {"127.0.0.1:80 ", "is not a port"},
      {"127.0.0.1:http", "is not a port"},
      {"127.1:80", "is not an IP address"},
      {"1.2.3.4.5:80", "is not an IP address"},
      {"localhost:80", "names are not looked up"},
      {":80", "is not an IP address"},
      {"*:80", "is not an IP address"},
      {"::1:80", "goes in brackets"},
      {"[localhost]:80", "is not an IPv6 address"},
      {"[127.0.0.1]:80", "is not an IPv6 address"},
      {"[::1%no-such-interface]:80", "no network interface 'no-such-interface'"},
      {"unix:", "needs a path"},
      {"unix:@", "needs a path"},
      {std::string("unix:a\0b", 8), "NUL"},
  };
  for (const auto& [text, why] : cases) {
    EXPECT_NE(refusal(text).find(why), std::string::npos) << text << ": " << refusal(text);
  }
}

TEST(Address, TakesAUnixPathUpToTheKernelsLimitAndNoLonger) {
  const std::string longest(107, 'a');
  EXPECT_EQ(parsed("unix:" + longest).path, longest);
  EXPECT_NE(refusal("unix:" + longest + "a").find("107"), std::string::npos);
}

TEST(Address, ReadsTheInterfaceOfALinkLocalAddress) {
  char name[IF_NAMESIZE] = {};
  ASSERT_NE(if_indextoname(1, name), nullptr) << "a machine without its first interface";
  const std::string text = "[fe80::1%" + std::string(name) + "]:80";
  EXPECT_EQ(parsed(text).ip.scope_id, 1U);
  EXPECT_EQ(to_string(parsed(text)), text);
}

TEST(Address, PrintsTheNumberOfAnInterfaceThatIsGone) {
  Address address = parsed("[fe80::1]:80");
  address.ip.scope_id = 4'000'000;
  EXPECT_EQ(to_string(address), "[fe80::1%4000000]:80");
}

TEST(Address, PrintsWithoutThePortWhenAsked) {
  EXPECT_EQ(ip_to_string(parsed("10.0.0.1:80").ip), "10.0.0.1");
  EXPECT_EQ(ip_to_string(parsed("[::1]:80").ip), "::1");
}

TEST(Address, PrintsAnAddressThatWasNeverSetAsADash) { EXPECT_EQ(to_string(base::IpPort{}), "-"); }

TEST(Address, KnowsTheLoopback) {
  EXPECT_TRUE(is_loopback(parsed("127.0.0.1:80").ip));
  EXPECT_TRUE(is_loopback(parsed("127.255.0.9:80").ip));
  EXPECT_TRUE(is_loopback(parsed("[::1]:80").ip));
  EXPECT_FALSE(is_loopback(parsed("128.0.0.1:80").ip));
  EXPECT_FALSE(is_loopback(parsed("[::2]:80").ip));
  EXPECT_FALSE(is_loopback(parsed("[1::1]:80").ip));
  EXPECT_FALSE(is_loopback(parsed("unix:/x").ip));
}

TEST(Address, KnowsAWildcard) {
  EXPECT_TRUE(is_wildcard(parsed("0.0.0.0:80").ip));
  EXPECT_TRUE(is_wildcard(parsed("[::]:80").ip));
  EXPECT_FALSE(is_wildcard(parsed("0.0.0.1:80").ip));
  EXPECT_FALSE(is_wildcard(parsed("[::1]:80").ip));
  EXPECT_FALSE(is_wildcard(parsed("unix:/x").ip));
  EXPECT_FALSE(is_wildcard(base::IpPort{}));
}

TEST(Address, UnmapsAClientOfADualStackListener) {
  EXPECT_EQ(unmapped(parsed("[::ffff:10.0.0.1]:443").ip), parsed("10.0.0.1:443").ip);
  EXPECT_EQ(unmapped(parsed("[::1]:443").ip), parsed("[::1]:443").ip);
  EXPECT_EQ(unmapped(parsed("10.0.0.1:443").ip), parsed("10.0.0.1:443").ip);
}

TEST(Address, SurvivesTheWayToTheKernelAndBack) {
  for (const std::string text :
       {"127.0.0.1:80", "[2001:db8::1]:443", "unix:/run/x.sock", "unix:@abstract"}) {
    const Address address = parsed(text);
    const base::RawAddress raw = to_raw(address);
    EXPECT_EQ(base::from_raw(raw.storage, raw.size), address) << text;
  }
}

TEST(Address, KeepsTheScopeOnTheWayToTheKernel) {
  Address address = parsed("[fe80::1]:80");
  address.ip.scope_id = 3;
  const base::RawAddress raw = to_raw(address);
  EXPECT_EQ(base::from_raw(raw.storage, raw.size).ip.scope_id, 3U);
}

TEST(Address, ReadsAnUnnamedUnixPeer) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  const Address address = base::from_raw(storage, sizeof(sa_family_t));
  EXPECT_EQ(address.family(), Family::kUnix);
  EXPECT_EQ(to_string(address), "unix:");
}

TEST(Address, ReadsAFamilyItDoesNotKnowAsNone) {
  sockaddr_storage storage{};
  storage.ss_family = AF_NETLINK;
  EXPECT_EQ(base::from_raw(storage, sizeof(storage)).family(), Family::kNone);
}

// The kernel itself is the judge of what to_raw() makes.
TEST(Address, IsWhatTheKernelBindsTo) {
  for (const std::string text : {"127.0.0.1:0", "unix:@millrace-address-test"}) {
    const base::RawAddress raw = to_raw(parsed(text));
    const base::UniqueFd fd(::socket(raw.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(fd) << text;
    ASSERT_EQ(::bind(fd.get(), raw.get(), raw.size), 0) << text;
    sockaddr_storage bound{};
    socklen_t size = sizeof(bound);
    ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &size), 0);
    Address address = base::from_raw(bound, size);
    if (address.family() == Family::kV4) {
      EXPECT_NE(address.ip.port, 0);
      address.ip.port = 0;
    }
    EXPECT_EQ(to_string(address), text);
  }
}

}  // namespace
