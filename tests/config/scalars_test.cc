// The grammar of single values: what is taken, and that nothing else is.
#include "config/scalars.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr IntegerRule kPort = {.min = 1, .max = 65535};
constexpr DurationRule kTimeout = {.min = milliseconds(1), .max = hours(8760), .zero = true};

TEST(Scalars, IntegersArePlainDigitsWithinTheirRange) {
  EXPECT_EQ(parse_integer("1", kPort), 1U);
  EXPECT_EQ(parse_integer("65535", kPort), 65535U);
  EXPECT_EQ(parse_integer("0", {.min = 0, .max = 1}), 0U);
  EXPECT_EQ(parse_integer("4294967295", {.min = 0, .max = 4294967295U}), 4294967295U);
}

TEST(Scalars, EveryOtherIntegerIsRefusedWithTheRange) {
  for (const char* text :
       {"", "0", "65536", "-1", "+1", "0777", "0x50", "0o7", "1e3", "1.0", "1_000", " 1", "1 ",
        "NaN", ".inf", "99999999999999999999", "1a", "01"}) {
    const auto value = parse_integer(text, kPort);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error(), "takes an integer from 1 to 65535, not '" + std::string(text) + "'");
  }
}

TEST(Scalars, DurationsAreANumberAndAUnit) {
  EXPECT_EQ(parse_duration("500ms", kTimeout), base::Nanos(milliseconds(500)));
  EXPECT_EQ(parse_duration("5s", kTimeout), base::Nanos(seconds(5)));
  EXPECT_EQ(parse_duration("90m", kTimeout), base::Nanos(minutes(90)));
  EXPECT_EQ(parse_duration("8760h", kTimeout), base::Nanos(hours(8760)));
  EXPECT_EQ(parse_duration("0", kTimeout), base::Nanos(0));
  EXPECT_EQ(parse_duration("0s", kTimeout), base::Nanos(0));
}

TEST(Scalars, EveryOtherDurationIsRefused) {
  for (const char* text : {"",
                           "5",
                           "s",
                           "5 s",
                           "5sec",
                           "5S",
                           "-5s",
                           "+5s",
                           "05s",
                           "1.5s",
                           "1h30m",
                           "5us",
                           "8761h",
                           "1d",
                           "99999999999999999999s",
                           "9223372036854775807h",
                           "5s ",
                           "0x5s",
                           "1e3s",
                           "inf"}) {
    const auto value = parse_duration(text, kTimeout);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error(),
              "takes a duration from 1ms to 8760h, or 0 (written like 500ms, 5s, 1m or 1h), not '" +
                  std::string(text) + "'");
  }
}

TEST(Scalars, ZeroIsADurationOnlyWhereTheRuleSaysSo) {
  const DurationRule rule = {.min = milliseconds(1), .max = seconds(1)};
  EXPECT_FALSE(parse_duration("0", rule));
  EXPECT_FALSE(parse_duration("0s", rule));
  EXPECT_TRUE(parse_duration("1ms", rule));
}

TEST(Scalars, WholeSecondsMayBeAskedFor) {
  const DurationRule rule = {.min = seconds(1), .max = seconds(9), .unit = seconds(1)};
  EXPECT_EQ(parse_duration("2000ms", rule), base::Nanos(seconds(2)));
  EXPECT_EQ(parse_duration("1500ms", rule).error(),
            "takes a duration from 1s to 9s, in whole seconds (written like 500ms, 5s, 1m or 1h), "
            "not '1500ms'");
}

TEST(Scalars, DurationsPrintInTheLargestUnitThatFits) {
  EXPECT_EQ(to_text(base::Nanos(0)), "0");
  EXPECT_EQ(to_text(hours(24)), "24h");
  EXPECT_EQ(to_text(minutes(90)), "90m");
  EXPECT_EQ(to_text(seconds(61)), "61s");
  EXPECT_EQ(to_text(milliseconds(1500)), "1500ms");
}

TEST(Scalars, SizesAreANumberAndAUnit) {
  const SizeRule rule = {.min = 64U << 10U, .max = 2U << 30U};
  EXPECT_EQ(parse_size("64KiB", rule), 64U << 10U);
  EXPECT_EQ(parse_size("1024KiB", rule), 1U << 20U);
  EXPECT_EQ(parse_size("3MiB", rule), 3U << 20U);
  EXPECT_EQ(parse_size("2GiB", rule), 2U << 30U);
}

TEST(Scalars, EveryOtherSizeIsRefused) {
  const SizeRule rule = {.min = 64U << 10U, .max = 8U << 20U};
  for (const char* text :
       {"",      "0",     "65536",   "KiB",   "64",    "64 KiB",     "64KB",
        "64kib", "64K",   "64B",     "-1MiB", "+1MiB", "01MiB",      "1.5MiB",
        "0MiB",  "63KiB", "8193KiB", "9MiB",  "1GiB",  "4194304MiB", "99999999999999999999MiB",
        "1MiB ", "0x1MiB"}) {
    const auto value = parse_size(text, rule);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error(), "takes a size from 64KiB to 8MiB (written like 64KiB or 1MiB), not '" +
                                 std::string(text) + "'");
  }
}

TEST(Scalars, SizesPrintInTheLargestUnitThatFits) {
  EXPECT_EQ(size_text(64U << 10U), "64KiB");
  EXPECT_EQ(size_text(1536U << 10U), "1536KiB");
  EXPECT_EQ(size_text(1U << 20U), "1MiB");
  EXPECT_EQ(size_text(1U << 30U), "1GiB");
}

TEST(Scalars, BooleansAreTrueAndFalse) {
  EXPECT_EQ(parse_boolean("true"), true);
  EXPECT_EQ(parse_boolean("false"), false);
  for (const char* text : {"yes", "no", "on", "off", "True", "TRUE", "1", "0", ""}) {
    EXPECT_FALSE(parse_boolean(text)) << text;
  }
}

TEST(Scalars, NamesAreShortAndHarmless) {
  const std::string longest(64, 'n');
  for (const std::string& text : {std::string("a"), std::string("Redis_1.main-2"), longest}) {
    EXPECT_EQ(parse_name(text), text);
  }
  for (const std::string& text :
       {std::string(), longest + "n", std::string("a b"), std::string("a/b"),
        std::string("\xc3\xa9"), std::string("a\n"), std::string("a\"")}) {
    EXPECT_FALSE(parse_name(text)) << text;
  }
}

TEST(Scalars, ListenersTakeIpAndUnixAddressesAndPortZero) {
  for (const char* text : {"0.0.0.0:80", "127.0.0.1:0", "[::]:443", "[2001:db8::1]:65535",
                           "unix:/run/m.sock", "unix:@m"}) {
    const auto address = parse_place(text, AddressUse::kListen);
    ASSERT_TRUE(address) << text << ": " << address.error();
    EXPECT_EQ(base::to_string(*address), text);
  }
}

TEST(Scalars, AddressesThatCannotBeUsedAreRefused) {
  for (const char* text : {"", "80", ":80", "localhost:80", "127.0.0.1", "127.0.0.1:65536",
                           "127.0.0.1:http", "127.1:80", "127.0.0.1:080", "1.2.3.4.5:80", "::1:80",
                           "[::1]", "[::1:80", "[fe80::1]:80", "[::ffff:127.0.0.1]:80",
                           "[fe80::1%nosuchif]:80", "unix:", "unix:@", "http://127.0.0.1:80"}) {
    EXPECT_FALSE(parse_place(text, AddressUse::kListen)) << text;
  }
  EXPECT_FALSE(parse_place("unix:/" + std::string(107, 'p'), AddressUse::kListen));
  EXPECT_TRUE(parse_place("unix:/" + std::string(106, 'p'), AddressUse::kListen));
}

TEST(Scalars, LinkLocalAddressesComeWithTheirInterface) {
  const auto address = parse_place("[fe80::1%lo]:80", AddressUse::kListen);
  ASSERT_TRUE(address) << address.error();
  EXPECT_EQ(base::to_string(*address), "[fe80::1%lo]:80");
  EXPECT_EQ(parse_place("[fe80::1]:80", AddressUse::kListen).error(),
            "needs the interface of a link-local address, as in fe80::1%eth0");
}

TEST(Scalars, EndpointsAreAddressesThatCanBeConnectedTo) {
  EXPECT_TRUE(parse_place("10.0.0.1:1", AddressUse::kConnect));
  EXPECT_TRUE(parse_place("unix:/run/x", AddressUse::kConnect));
  for (const char* text : {"10.0.0.1:0", "0.0.0.0:80", "[::]:80"}) {
    EXPECT_FALSE(parse_place(text, AddressUse::kConnect)) << text;
  }
}

TEST(Scalars, MetricsAreReadOverIp) {
  EXPECT_TRUE(parse_place("[::]:0", AddressUse::kMetrics));
  EXPECT_EQ(parse_place("unix:/run/x", AddressUse::kMetrics).error(),
            "takes an IP address and a port, not 'unix:/run/x'");
}

TEST(Scalars, SourcesAreIpAddressesWithoutPort) {
  EXPECT_EQ(base::ip_to_string(parse_ip("10.1.2.3").value()), "10.1.2.3");
  EXPECT_EQ(base::ip_to_string(parse_ip("2001:db8::1").value()), "2001:db8::1");
  EXPECT_EQ(parse_ip("10.1.2.3").value().port, 0);
  for (const char* text :
       {"10.1.2.3:80", "[::1]", "[::1]:0", "eth0", "unix", "unix:/x", "::1]:5"}) {
    EXPECT_FALSE(parse_ip(text)) << text;
  }
}

TEST(Scalars, NetworksAreAnAddressOfOnesOwnAndTheirBits) {
  const auto v4 = parse_network("10.1.0.2/24");
  ASSERT_TRUE(v4);
  EXPECT_EQ(base::ip_to_string(v4->ip), "10.1.0.2");
  EXPECT_EQ(v4->ip.port, 0U);
  EXPECT_EQ(v4->bits, 24U);
  EXPECT_EQ(parse_network("10.1.0.2/32")->bits, 32U);
  EXPECT_EQ(parse_network("2001:db8::2/128")->bits, 128U);
  for (const char* wrong : {"10.1.0.2",
                            "10.1.0.2/",
                            "10.1.0.2/0",
                            "10.1.0.2/33",
                            "10.1.0.2/08",
                            "10.1.0.2/8/8",
                            "10.1.0.2:80/24",
                            "/24",
                            "0.0.0.0/8",
                            "127.0.0.1/8",
                            "224.0.0.1/4",
                            "255.255.255.255/32",
                            "2001:db8::2/129",
                            "::/64",
                            "::1/128",
                            "ff02::1/64",
                            "fe80::1%lo/64",
                            "fe80::1/64",
                            "::ffff:10.1.0.2/120",
                            "[2001:db8::2]/64",
                            "host/24"}) {
    ASSERT_FALSE(parse_network(wrong)) << wrong;
    EXPECT_EQ(parse_network(wrong).error(),
              "takes an address of this machine and the bits of its network, as in 10.1.0.2/24, "
              "not '" +
                  std::string(wrong) + "'");
  }
}

TEST(Scalars, FilesHaveAbsolutePaths) {
  EXPECT_EQ(parse_file("/tmp/a b").value(), "/tmp/a b");
  EXPECT_TRUE(parse_file("/" + std::string(4094, 'a')));
  for (const std::string& wrong : {std::string("a"), std::string("./a"), std::string("/"),
                                   std::string(), "/" + std::string(4095, 'a')}) {
    EXPECT_FALSE(parse_file(wrong)) << wrong.size();
  }
}

TEST(Scalars, UsersHaveNamesThatUseraddTakes) {
  EXPECT_EQ(parse_user("millrace").value(), "millrace");
  EXPECT_EQ(parse_user("_x-9").value(), "_x-9");
  EXPECT_TRUE(parse_user(std::string(32, 'a')));
  for (const std::string& wrong : {std::string(), std::string("0"), std::string("-a"),
                                   std::string("a b"), std::string("A"), std::string(33, 'a')}) {
    EXPECT_FALSE(parse_user(wrong)) << wrong;
  }
}

TEST(Scalars, WordsHaveNoSpaces) {
  EXPECT_EQ(parse_word("--vdev=net_tap0,iface=x").value(), "--vdev=net_tap0,iface=x");
  EXPECT_TRUE(parse_word(std::string(256, '~')));
  for (const std::string& wrong : {std::string(), std::string("a b"), std::string("a\x7f"),
                                   std::string("\xc3\xa9"), std::string(257, 'a')}) {
    EXPECT_FALSE(parse_word(wrong)) << wrong.size();
  }
}

TEST(Scalars, DnsServersArePort53UnlessTheySayMore) {
  EXPECT_EQ(base::to_string(parse_dns_server("10.1.2.3").value()), "10.1.2.3:53");
  EXPECT_EQ(base::to_string(parse_dns_server("2001:db8::1").value()), "[2001:db8::1]:53");
  EXPECT_EQ(base::to_string(parse_dns_server("10.1.2.3:5353").value()), "10.1.2.3:5353");
  EXPECT_EQ(base::to_string(parse_dns_server("[::1]:5353").value()), "[::1]:5353");
  for (const char* text : {"", "dns.example", "0.0.0.0", "::", "10.1.2.3:0", "unix:/x"}) {
    EXPECT_FALSE(parse_dns_server(text)) << text;
  }
}

TEST(Scalars, CpusAreNumbersAndRanges) {
  EXPECT_EQ(parse_cpus("0"), (std::vector<int>{0}));
  EXPECT_EQ(parse_cpus("6,0-3"), (std::vector<int>{0, 1, 2, 3, 6}));
  EXPECT_EQ(parse_cpus("1023"), (std::vector<int>{1023}));
  for (const char* text :
       {"", "a", "0-", "-1", "3-1", "0,,1", "0,", "1024", "0-99999999999", "0 1", "00"}) {
    EXPECT_FALSE(parse_cpus(text)) << text;
  }
  EXPECT_EQ(parse_cpus("0-3,2").error(), "names CPU 2 twice");
  EXPECT_FALSE(parse_cpus("0-1023,0-1023,0-1023"));
}

TEST(Scalars, RatesAreWholeNumbersASecond) {
  EXPECT_EQ(parse_rate("100/s", 1000), 100U);
  EXPECT_EQ(parse_rate("0/s", 1000), 0U);
  for (const char* text : {"", "100", "100/m", "1001/s", "-1/s", "01/s", "1.5/s", " 1/s", "/s"}) {
    EXPECT_FALSE(parse_rate(text, 1000)) << text;
  }
  EXPECT_EQ(parse_rate("100", 1000).error(),
            "takes a rate from 0/s to 1000/s, such as 100/s, not '100'");
}

TEST(Scalars, TheAccessLogGoesToOneOfFourPlaces) {
  EXPECT_EQ(parse_access_output("stderr"), AccessOutput{});
  EXPECT_EQ(parse_access_output("syslog"), (AccessOutput{AccessTarget::kSyslog, ""}));
  EXPECT_EQ(parse_access_output("journald"), (AccessOutput{AccessTarget::kJournald, ""}));
  EXPECT_EQ(parse_access_output("file:/var/log/a.log"),
            (AccessOutput{AccessTarget::kFile, "/var/log/a.log"}));
  for (const char* text : {"", "stdout", "/var/log/a.log", "file:", "file:a", "file:/", "Syslog"}) {
    EXPECT_FALSE(parse_access_output(text)) << text;
  }
}

TEST(Scalars, TheAdminApiListensAtASocketOrALoopbackAddress) {
  EXPECT_TRUE(parse_place("unix:/run/a.sock", AddressUse::kAdmin));
  EXPECT_TRUE(parse_place("127.0.0.1:0", AddressUse::kAdmin));
  EXPECT_TRUE(parse_place("[::1]:9465", AddressUse::kAdmin));
  for (const char* text : {"0.0.0.0:9465", "[::]:9465", "10.0.0.1:9465", "/run/a.sock"}) {
    EXPECT_FALSE(parse_place(text, AddressUse::kAdmin)) << text;
  }
}

TEST(Scalars, KnowsWhatYamlWouldNotReadAsText) {
  for (const char* text : {"", "~", "null", "true", "FALSE", "12", "-1", "+1", "1.5", ".5", "1.",
                           "1e3", "1E-3", "0x1f", "0o17", ".inf", ".nan"}) {
    EXPECT_TRUE(is_not_text(text)) << text;
  }
  for (const char* text :
       {"redis", "1a", "1.2.3", "-", ".", "e3", "0x", "0xg", "0o8", "1e", "yes", "5s"}) {
    EXPECT_FALSE(is_not_text(text)) << text;
  }
}

}  // namespace
}  // namespace config
