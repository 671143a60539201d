#include "proxy/access_line.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/proxy/access_records.h"

namespace {

using namespace std::chrono_literals;
using proxy_test::ip;
using proxy_test::kEnded;
using proxy_test::served;
using proxy_test::turned_away;

const auto kWall = std::chrono::sys_days{std::chrono::year{2026} / 11 / 23} + 14h + 31min;

std::string line_of(const proxy::AccessRecord& record, config::LogFormat format) {
  std::string out;
  proxy::append_access_line(out, format, record, kEnded + 250ms, kWall);
  return out;
}

TEST(AccessLine, WritesTheFieldsOfASessionInTheirOrder) {
  EXPECT_EQ(line_of(served(), config::LogFormat::kText),
            "2026-11-23T14:30:59.750Z access  listener=\"redis in\" upstream=redis "
            "endpoint=10.0.0.1:6379 client=192.0.2.7:4711 local=192.0.2.1:6379 actor=client "
            "cause=eof bytes_to_upstream=64 bytes_to_client=4096 setup=0.000213 connect=0.000101 "
            "total=1.234567 attempts=1 pool=miss worker=3 transport=epoll\n");
}

TEST(AccessLine, WritesADashForWhatNeverHappened) {
  EXPECT_EQ(line_of(turned_away(), config::LogFormat::kText),
            "2026-11-23T14:30:59.750Z access  listener=\"redis in\" upstream=- endpoint=- "
            "client=[2001:db8::7]:4711 local=[2001:db8::1]:6379 actor=proxy cause=no_endpoint "
            "bytes_to_upstream=0 bytes_to_client=0 setup=- connect=- total=0.000005 attempts=0 "
            "pool=miss worker=0 transport=epoll\n");
}

TEST(AccessLine, WritesTheSameAsJson) {
  const auto line = nlohmann::json::parse(line_of(served(), config::LogFormat::kJson));
  const nlohmann::json expected = {{"ts", "2026-11-23T14:30:59.750Z"},
                                   {"log", "access"},
                                   {"listener", "redis in"},
                                   {"upstream", "redis"},
                                   {"endpoint", "10.0.0.1:6379"},
                                   {"client", "192.0.2.7:4711"},
                                   {"local", "192.0.2.1:6379"},
                                   {"actor", "client"},
                                   {"cause", "eof"},
                                   {"bytes_to_upstream", 64},
                                   {"bytes_to_client", 4096},
                                   {"setup", 0.000213},
                                   {"connect", 0.000101},
                                   {"total", 1.234567},
                                   {"attempts", 1},
                                   {"pool", "miss"},
                                   {"worker", 3},
                                   {"transport", "epoll"}};
  EXPECT_EQ(line, expected);
  const auto refused = nlohmann::json::parse(line_of(turned_away(), config::LogFormat::kJson));
  EXPECT_TRUE(refused.at("endpoint").is_null());
  EXPECT_TRUE(refused.at("setup").is_null());
}

TEST(AccessLine, NamesTheAddressWhereTheUpstreamHasNoEndpointsOfItsOwn) {
  proxy::AccessRecord record = served();
  record.endpoint = nullptr;
  record.endpoint_address = ip("10.9.8.7:443");
  EXPECT_NE(line_of(record, config::LogFormat::kText).find(" endpoint=10.9.8.7:443 "),
            std::string::npos);
}

TEST(AccessLine, QuotesWhatSomebodyNamed) {
  proxy::AccessRecord record = served();
  const std::string name = "a\"b\n";
  record.listener = &name;
  EXPECT_NE(line_of(record, config::LogFormat::kText).find(R"( listener="a\"b\n" )"),
            std::string::npos);
  const auto line = nlohmann::json::parse(line_of(record, config::LogFormat::kJson));
  EXPECT_EQ(line.at("listener"), name);
}

TEST(AccessLine, WritesTheZoneOfALinkLocalAddress) {
  proxy::AccessRecord record = served();
  record.client = ip("[fe80::1%lo]:80");
  EXPECT_NE(line_of(record, config::LogFormat::kText).find(" client=[fe80::1%lo]:80 "),
            std::string::npos);
  const auto line = nlohmann::json::parse(line_of(record, config::LogFormat::kJson));
  EXPECT_EQ(line.at("client"), "[fe80::1%lo]:80");
}

TEST(AccessLine, AUnixPeerHasNoAddress) {
  proxy::AccessRecord record = served();
  record.client = {.bytes = {}, .scope_id = 0, .port = 0, .family = base::Family::kUnix};
  EXPECT_NE(line_of(record, config::LogFormat::kText).find(" client=unix: "), std::string::npos);
}

}  // namespace
