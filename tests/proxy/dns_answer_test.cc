#include "proxy/dns_answer.h"

#include <ares.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/prng.h"
#include "tests/proxy/dns_messages.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

constexpr const char* kName = "app.example";

std::vector<std::string> texts(const std::vector<base::IpPort>& addresses) {
  std::vector<std::string> all;
  all.reserve(addresses.size());
  for (const base::IpPort& address : addresses) all.push_back(base::ip_to_string(address));
  return all;
}

std::vector<std::string> texts(const std::vector<DnsAddress>& addresses) {
  std::vector<std::string> all;
  all.reserve(addresses.size());
  for (const DnsAddress& it : addresses) {
    all.push_back(base::to_string(it.address) + " " + std::to_string(it.weight) + " " +
                  std::to_string(it.priority));
  }
  std::sort(all.begin(), all.end());
  return all;
}

AddressRecords records_of(const std::vector<std::string>& ips, base::Nanos ttl = 60s) {
  AddressRecords records{.result = DnsResult::kOk, .addresses = {}, .ttl = ttl};
  for (const std::string& ip : ips) {
    const bool v6 = ip.find(':') != std::string::npos;
    records.addresses.push_back(base::parse_address(v6 ? "[" + ip + "]:0" : ip + ":0").value().ip);
  }
  return records;
}

AddressRecords failed(DnsResult result) { return {.result = result, .addresses = {}, .ttl = {}}; }

TEST(DnsAnswer, HasTheAddressesOfAReplyAndTheShortestTtl) {
  const auto reply =
      dns_reply(1, kName, kDnsA,
                {address_record(kName, "10.0.0.1", 300), address_record(kName, "10.0.0.2", 20)});
  const AddressRecords records = parse_addresses(reply, base::Family::kV4);
  EXPECT_EQ(records.result, DnsResult::kOk);
  EXPECT_EQ(texts(records.addresses), (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(records.ttl, 20s);
}

TEST(DnsAnswer, HasVersionSixAddresses) {
  const auto reply = dns_reply(1, kName, kDnsAaaa, {address_record(kName, "fd00::1", 7)});
  const AddressRecords records = parse_addresses(reply, base::Family::kV6);
  EXPECT_EQ(texts(records.addresses), std::vector<std::string>{"fd00::1"});
  EXPECT_EQ(records.ttl, 7s);
}

TEST(DnsAnswer, FollowsAliasesAndLivesNoLongerThanThey) {
  const auto reply = dns_reply(
      1, kName, kDnsA,
      {alias_record(kName, "other.example", 9), address_record("other.example", "10.0.0.1", 300)});
  const AddressRecords records = parse_addresses(reply, base::Family::kV4);
  EXPECT_EQ(texts(records.addresses), std::vector<std::string>{"10.0.0.1"});
  EXPECT_EQ(records.ttl, 9s);
}

TEST(DnsAnswer, TakesATtlWithTheHighestBitAsNone) {
  const auto a = dns_reply(1, kName, kDnsA, {address_record(kName, "10.0.0.1", 0x80000000U)});
  EXPECT_EQ(parse_addresses(a, base::Family::kV4).ttl, 0s);
  const auto srv =
      dns_reply(1, kName, kDnsSrv, {service_record(kName, 1, 2, 3, "a.example", 0xffffffffU)});
  EXPECT_EQ(parse_services(srv).ttl, 0s);
}

TEST(DnsAnswer, ReadsAReplyOfFiveHundredAddresses) {
  std::vector<DnsRecord> records;
  records.reserve(500);
  for (int i = 0; i < 500; ++i) {
    records.push_back(
        address_record(kName, "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
  }
  const auto reply = dns_reply(1, kName, kDnsA, records);
  EXPECT_EQ(parse_addresses(reply, base::Family::kV4).addresses.size(), 500U);
}

TEST(DnsAnswer, ReadsServicesByPriorityAndName) {
  const auto reply = dns_reply(1, kName, kDnsSrv,
                               {service_record(kName, 20, 5, 81, "c.example", 60),
                                service_record(kName, 10, 70, 80, "b.example", 30),
                                service_record(kName, 10, 30, 80, "a.example", 90)});
  const SrvRecords records = parse_services(reply);
  ASSERT_EQ(records.result, DnsResult::kOk);
  ASSERT_EQ(records.targets.size(), 3U);
  EXPECT_EQ(records.targets[0].name, "a.example");
  EXPECT_EQ(records.targets[0].weight, 30);
  EXPECT_EQ(records.targets[1].name, "b.example");
  EXPECT_EQ(records.targets[2].port, 81);
  EXPECT_EQ(records.targets[2].priority, 20);
  EXPECT_EQ(records.ttl, 30s);
}

TEST(DnsAnswer, UnderstandsThatARootTargetMeansNoService) {
  const auto reply = dns_reply(1, kName, kDnsSrv, {service_record(kName, 0, 0, 0, "")});
  EXPECT_EQ(parse_services(reply).result, DnsResult::kEmpty);
}

TEST(DnsAnswer, NeverTrustsAReply) {
  const auto a = dns_reply(1, kName, kDnsA, {address_record(kName, "10.0.0.1")});
  const auto srv = dns_reply(1, kName, kDnsSrv, {service_record(kName, 1, 2, 3, "a.example")});
  const auto read_all = [](const DnsBytes& bytes) {
    static_cast<void>(parse_addresses(bytes, base::Family::kV4));
    static_cast<void>(parse_addresses(bytes, base::Family::kV6));
    static_cast<void>(parse_services(bytes));
  };
  base::Prng random(7);
  for (const DnsBytes& good : {a, srv}) {
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
      const DnsBytes part(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut));
      EXPECT_NE(parse_addresses(part, base::Family::kV4).result, DnsResult::kOk) << cut;
      EXPECT_NE(parse_services(part).result, DnsResult::kOk) << cut;
    }
    for (int round = 0; round < 2'000; ++round) {
      DnsBytes broken = good;
      for (int i = 0; i < 3; ++i) {
        broken[random.below(broken.size())] = static_cast<std::uint8_t>(random.below(256));
      }
      read_all(broken);
    }
  }
}

TEST(DnsAnswer, TellsFailuresApart) {
  EXPECT_EQ(result_of(ARES_SUCCESS), DnsResult::kOk);
  EXPECT_EQ(result_of(ARES_ENOTFOUND), DnsResult::kNxdomain);
  EXPECT_EQ(result_of(ARES_ENODATA), DnsResult::kEmpty);
  EXPECT_EQ(result_of(ARES_ETIMEOUT), DnsResult::kTimeout);
  EXPECT_EQ(result_of(ARES_ECANCELLED), DnsResult::kTimeout);
  EXPECT_EQ(result_of(ARES_ESERVFAIL), DnsResult::kError);
  EXPECT_EQ(result_of(ARES_EBADRESP), DnsResult::kError);
}

TEST(DnsAnswer, IsGoodWhenEitherFamilyHasAddresses) {
  const AddressRecords v4 = records_of({"10.0.0.1"}, 30s);
  const AddressRecords v6 = records_of({"fd00::1"}, 20s);
  const DnsAnswer both = answer_of({.v4 = v4, .v6 = v6}, 80);
  EXPECT_TRUE(both.complete);
  EXPECT_EQ(both.ttl, 20s);
  EXPECT_EQ(texts(both.addresses),
            (std::vector<std::string>{"10.0.0.1:80 100 0", "[fd00::1]:80 100 0"}));
  const DnsAnswer one = answer_of({.v4 = v4, .v6 = failed(DnsResult::kEmpty)}, 80);
  EXPECT_EQ(one.result, DnsResult::kOk);
  EXPECT_TRUE(one.complete);
  EXPECT_EQ(one.ttl, 30s);
  const DnsAnswer half = answer_of({.v4 = v4, .v6 = failed(DnsResult::kTimeout)}, 80);
  EXPECT_EQ(half.result, DnsResult::kOk);
  EXPECT_FALSE(half.complete);
}

TEST(DnsAnswer, SaysWhyNeitherFamilyHasAddresses) {
  const auto both = [](DnsResult a, DnsResult b) {
    EXPECT_EQ(answer_of({.v4 = failed(b), .v6 = failed(a)}, 80).result,
              answer_of({.v4 = failed(a), .v6 = failed(b)}, 80).result);
    return answer_of({.v4 = failed(a), .v6 = failed(b)}, 80).result;
  };
  EXPECT_EQ(both(DnsResult::kEmpty, DnsResult::kEmpty), DnsResult::kEmpty);
  EXPECT_EQ(both(DnsResult::kNxdomain, DnsResult::kEmpty), DnsResult::kNxdomain);
  EXPECT_EQ(both(DnsResult::kError, DnsResult::kEmpty), DnsResult::kError);
  EXPECT_EQ(both(DnsResult::kTimeout, DnsResult::kEmpty), DnsResult::kTimeout);
}

SrvRecords services(std::vector<SrvTarget> targets) {
  return {.result = DnsResult::kOk, .targets = std::move(targets), .ttl = 60s};
}

TEST(DnsAnswer, GivesTheAddressesOfATargetItsPortItsPriorityAndItsShareOfTheWeight) {
  const std::map<std::string, HostRecords> hosts = {
      {"a", {.v4 = records_of({"10.0.0.1", "10.0.0.2"}), .v6 = failed(DnsResult::kEmpty)}},
      {"b", {.v4 = records_of({"10.0.0.3"}), .v6 = failed(DnsResult::kEmpty)}},
      {"c", {.v4 = records_of({"10.0.0.4"}), .v6 = failed(DnsResult::kEmpty)}}};
  const DnsAnswer answer =
      answer_of(services({{.name = "a", .port = 80, .weight = 50, .priority = 1},
                          {.name = "b", .port = 81, .weight = 50, .priority = 1},
                          {.name = "c", .port = 82, .weight = 0, .priority = 2}}),
                hosts);
  // 65535 / 50 = 1310 for each 1.
  EXPECT_EQ(texts(answer.addresses),
            (std::vector<std::string>{"10.0.0.1:80 32750 1", "10.0.0.2:80 32750 1",
                                      "10.0.0.3:81 65500 1", "10.0.0.4:82 1 2"}));
  EXPECT_TRUE(answer.complete);
}

TEST(DnsAnswer, HasServicesWithWeightsOfZeroOnlyInEqualShares) {
  const std::map<std::string, HostRecords> hosts = {
      {"a", {.v4 = records_of({"10.0.0.1"}), .v6 = failed(DnsResult::kEmpty)}},
      {"b", {.v4 = records_of({"10.0.0.2"}), .v6 = failed(DnsResult::kEmpty)}}};
  const DnsAnswer answer =
      answer_of(services({{.name = "a", .port = 80, .weight = 0, .priority = 0},
                          {.name = "b", .port = 80, .weight = 0, .priority = 0}}),
                hosts);
  ASSERT_EQ(answer.addresses.size(), 2U);
  EXPECT_EQ(answer.addresses[0].weight, answer.addresses[1].weight);
}

TEST(DnsAnswer, TakesATargetWithoutANameAsAMistakeInOneRecord) {
  std::map<std::string, HostRecords> hosts = {
      {"a", {.v4 = failed(DnsResult::kNxdomain), .v6 = failed(DnsResult::kNxdomain)}}};
  const auto one = services({{.name = "a", .port = 80, .weight = 1, .priority = 0}});
  EXPECT_EQ(answer_of(one, hosts).result, DnsResult::kEmpty);
  const auto two = services({{.name = "a", .port = 80, .weight = 1, .priority = 0},
                             {.name = "b", .port = 80, .weight = 1, .priority = 0}});
  hosts["b"] = {.v4 = records_of({"10.0.0.2"}), .v6 = failed(DnsResult::kEmpty)};
  EXPECT_EQ(answer_of(two, hosts).result, DnsResult::kOk);
  EXPECT_TRUE(answer_of(two, hosts).complete);
  hosts["a"] = {.v4 = failed(DnsResult::kTimeout), .v6 = failed(DnsResult::kTimeout)};
  EXPECT_EQ(answer_of(two, hosts).result, DnsResult::kOk);
  EXPECT_FALSE(answer_of(two, hosts).complete);
}

TEST(DnsAnswer, NamesResultsForTheMetricAndForPeople) {
  EXPECT_EQ(name(DnsResult::kOk), "ok");
  EXPECT_EQ(name(DnsResult::kNxdomain), "nxdomain");
  EXPECT_EQ(name(DnsResult::kEmpty), "empty");
  EXPECT_EQ(name(DnsResult::kTimeout), "timeout");
  EXPECT_EQ(name(DnsResult::kError), "error");
  EXPECT_NE(std::string(reason_of(DnsResult::kNxdomain)).find("NXDOMAIN"), std::string::npos);
}

}  // namespace
}  // namespace proxy
