#include "proxy/dns_lookup.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/proxy/name_server.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

config::Dns dns_of(const NameServer& server, const std::string& name = "app.example") {
  config::Dns dns;
  dns.name = name;
  dns.port = 80;
  dns.timeout = 30s;  // A failure here is a test that waits long, not one that fails by chance.
  dns.servers = {server.address()};
  return dns;
}

// Waits as the resolver does.
DnsAnswer wait_for(DnsLookup& lookup) {
  while (!lookup.answer()) {
    std::vector<pollfd> waits;
    lookup.add_waits(waits);
    const base::Nanos wait = std::max(base::Nanos{0}, lookup.deadline() - base::monotonic_now());
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    static_cast<void>(::poll(waits.data(), waits.size(), static_cast<int>(ms)));
    lookup.process(waits, base::monotonic_now());
  }
  return *lookup.answer();
}

DnsAnswer look_up(const config::Dns& dns) {
  DnsLookup lookup(dns, base::monotonic_now());
  return wait_for(lookup);
}

std::vector<std::string> texts(const DnsAnswer& answer) {
  std::vector<std::string> all;
  for (const DnsAddress& it : answer.addresses) all.push_back(base::to_string(it.address));
  return all;
}

TEST(DnsLookup, FindsBothFamilies) {
  const NameServer server(NameServer::zone({address_record("app.example", "10.0.0.1", 40),
                                            address_record("app.example", "fd00::1", 50)}));
  const DnsAnswer answer = look_up(dns_of(server));
  EXPECT_EQ(answer.result, DnsResult::kOk);
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.ttl, 40s);
  EXPECT_EQ(texts(answer), (std::vector<std::string>{"10.0.0.1:80", "[fd00::1]:80"}));
}

TEST(DnsLookup, IsContentWithOneFamily) {
  const NameServer server(NameServer::zone({address_record("app.example", "fd00::1")}));
  const DnsAnswer answer = look_up(dns_of(server));
  EXPECT_EQ(answer.result, DnsResult::kOk);
  EXPECT_TRUE(answer.complete);
}

TEST(DnsLookup, AsksForTheTargetsOfServices) {
  const NameServer server(NameServer::zone(
      {service_record("_db._tcp.example", 1, 10, 5432, "a.example"),
       service_record("_db._tcp.example", 2, 20, 5433, "b.example"),
       address_record("a.example", "10.0.0.1"), address_record("b.example", "fd00::2")}));
  config::Dns dns = dns_of(server, "_db._tcp.example");
  dns.type = config::DnsType::kSrv;
  const DnsAnswer answer = look_up(dns);
  ASSERT_EQ(texts(answer), (std::vector<std::string>{"10.0.0.1:5432", "[fd00::2]:5433"}));
  EXPECT_EQ(answer.addresses[0].priority, 1U);
  EXPECT_EQ(answer.addresses[1].priority, 2U);
}

TEST(DnsLookup, AsksForABoundedNumberOfTargets) {
  std::vector<DnsRecord> records = {address_record("a", "10.0.0.1")};
  for (std::uint16_t i = 0; i < DnsLookup::kTargetsMax + 5; ++i) {
    records.push_back(service_record("many.example", 0, 1, static_cast<std::uint16_t>(1000 + i),
                                     i % 2 == 0 ? "a" : "b"));
  }
  const NameServer server(NameServer::zone(records));
  config::Dns dns = dns_of(server, "many.example");
  dns.type = config::DnsType::kSrv;
  DnsLookup lookup(dns, base::monotonic_now());
  EXPECT_EQ(wait_for(lookup).result, DnsResult::kOk);
  EXPECT_EQ(lookup.targets_ignored(), 5U);
}

TEST(DnsLookup, TellsANameThatIsNotThereFromOneWithoutAddresses) {
  const NameServer server(NameServer::zone({alias_record("empty.example", "x.example")}));
  EXPECT_EQ(look_up(dns_of(server)).result, DnsResult::kNxdomain);
  EXPECT_EQ(look_up(dns_of(server, "empty.example")).result, DnsResult::kEmpty);
}

TEST(DnsLookup, FailsWithANameServerThatFails) {
  const NameServer server(
      [](const DnsQuestion& question) { return question.reply({}, kDnsServfail); });
  EXPECT_EQ(look_up(dns_of(server)).result, DnsResult::kError);
}

TEST(DnsLookup, EndsInTimeWithANameServerThatSaysNothing) {
  const NameServer server([](const DnsQuestion&) { return DnsBytes{}; });
  config::Dns dns = dns_of(server);
  dns.timeout = 200ms;
  EXPECT_EQ(look_up(dns).result, DnsResult::kTimeout);
  EXPECT_GE(server.questions(), 2U);
}

TEST(DnsLookup, DoesNotBelieveRubbish) {
  const NameServer server([](const DnsQuestion& question) {
    DnsBytes reply = question.reply({address_record(question.name, "10.0.0.1")});
    reply.erase(reply.end() - 3, reply.end());
    return reply;
  });
  const DnsResult cut = look_up(dns_of(server)).result;
  EXPECT_EQ(cut, DnsResult::kError);
  const NameServer noise([](const DnsQuestion&) { return DnsBytes(40, 0xa5); });
  config::Dns dns = dns_of(noise);
  dns.timeout = 200ms;
  EXPECT_NE(look_up(dns).result, DnsResult::kOk);
}

TEST(DnsLookup, TakesTheHalfOfAnAnswerThatCame) {
  const NameServer server([](const DnsQuestion& question) {
    if (question.type == kDnsAaaa) return DnsBytes{};
    return question.reply({address_record(question.name, "10.0.0.1")});
  });
  config::Dns dns = dns_of(server);
  dns.timeout = 300ms;
  const DnsAnswer answer = look_up(dns);
  EXPECT_EQ(answer.result, DnsResult::kOk);
  EXPECT_FALSE(answer.complete);
}

TEST(DnsLookup, AsksTheNextNameServerWhenTheFirstFails) {
  const NameServer broken(
      [](const DnsQuestion& question) { return question.reply({}, kDnsServfail); });
  const NameServer good(NameServer::zone({address_record("app.example", "10.0.0.1")}));
  config::Dns dns = dns_of(broken);
  dns.servers.push_back(good.address());
  EXPECT_EQ(look_up(dns).result, DnsResult::kOk);
}

TEST(DnsLookup, RefusesANameThatCannotBe) {
  const NameServer server(NameServer::zone({}));
  EXPECT_EQ(look_up(dns_of(server, std::string(300, 'x'))).result, DnsResult::kError);
}

TEST(DnsLookup, CanBeDroppedWhileItWaits) {
  const NameServer server([](const DnsQuestion&) { return DnsBytes{}; });
  const DnsLookup lookup(dns_of(server), base::monotonic_now());
  EXPECT_FALSE(lookup.answer());
}

}  // namespace
}  // namespace proxy
