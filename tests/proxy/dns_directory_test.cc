#include "proxy/dns_directory.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

DnsFinding found(const std::string& address) {
  return {.addresses = {{.address = base::parse_address(address).value().ip,
                         .weight = 1,
                         .priority = 0}},
          .last = DnsResult::kOk};
}

TEST(DnsDirectory, KnowsNothingOfWhatIsNotExpected) {
  DnsDirectory directory;
  directory.publish("a", found("10.0.0.1:80"));
  EXPECT_FALSE(directory.find("a"));
  EXPECT_EQ(directory.version(), 0U);
}

TEST(DnsDirectory, KeepsTheFindingsOfKeysThatStay) {
  DnsDirectory directory;
  directory.expect({"a", "b"});
  directory.publish("a", found("10.0.0.1:80"));
  directory.publish("b", found("10.0.0.2:80"));
  directory.expect({"a", "c"});
  EXPECT_TRUE(directory.find("a"));
  EXPECT_FALSE(directory.find("b"));
  EXPECT_FALSE(directory.find("c"));
}

TEST(DnsDirectory, CountsChangesOfAddressesAndNothingElse) {
  DnsDirectory directory;
  directory.expect({"a"});
  directory.publish("a", {.addresses = {}, .last = DnsResult::kTimeout});
  EXPECT_EQ(directory.version(), 0U);
  directory.publish("a", found("10.0.0.1:80"));
  EXPECT_EQ(directory.version(), 1U);
  DnsFinding same = found("10.0.0.1:80");
  same.last = DnsResult::kNxdomain;
  directory.publish("a", same);
  EXPECT_EQ(directory.version(), 1U);
  EXPECT_EQ(directory.find("a")->last, DnsResult::kNxdomain);
}

TEST(DnsDirectory, WaitsForAnotherThreadToPublish) {
  DnsDirectory directory;
  directory.expect({"a"});
  std::thread resolver([&] { directory.publish("a", found("10.0.0.1:80")); });
  EXPECT_TRUE(directory.wait_for("a", base::monotonic_now() + 30s));
  resolver.join();
}

TEST(DnsDirectory, StopsWaitingInTime) {
  DnsDirectory directory;
  directory.expect({"a"});
  const base::Nanos until = base::monotonic_now() + 20ms;
  EXPECT_FALSE(directory.wait_for("a", until));
  EXPECT_GE(base::monotonic_now(), until);
}

}  // namespace
}  // namespace proxy
