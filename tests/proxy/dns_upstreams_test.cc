#include "proxy/dns_upstreams.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/proxy/dns_fixture.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class DnsUpstreamsTest : public testing::Test {
 protected:
  config::Config config() const {
    config::Config config;
    config.upstreams.push_back(fixture_.upstream());
    return config;
  }
  config::Config failing() const {
    config::Config config = this->config();
    config.upstreams[0].dns->startup = config::DnsStartup::kFail;
    return config;
  }

  std::vector<std::string> endpoints(const config::Config& config) {
    return texts_of(dns_.endpoints(config).at("app"));
  }

  bool eventually(const std::function<bool()>& condition) {
    const base::Nanos end = base::monotonic_now() + 30s;
    while (!condition()) {
      if (base::monotonic_now() > end) return false;
      pollfd wait{.fd = dns_.changed_fd(), .events = POLLIN, .revents = 0};
      static_cast<void>(::poll(&wait, 1, 10));
    }
    return true;
  }

  using Texts = std::vector<std::string>;
  DnsFixture fixture_;
  MetricsCatalog catalog_{1};
  DnsUpstreams dns_{catalog_, fixture_.log()};
};

TEST_F(DnsUpstreamsTest, HasNothingToDoWithoutDns) {
  config::Config config;
  config.upstreams.emplace_back().name = "app";
  EXPECT_TRUE(dns_.prepare(config, {}).empty());
  dns_.commit();
  EXPECT_TRUE(dns_.endpoints(config).empty());
  EXPECT_FALSE(dns_.changed());
}

TEST_F(DnsUpstreamsTest, HasEndpointsFromTheStart) {
  EXPECT_TRUE(dns_.prepare(failing(), {}).empty());
  EXPECT_EQ(endpoints(failing()), Texts{"10.0.0.1:80"});
  dns_.commit();
  EXPECT_FALSE(dns_.changed());
}

TEST_F(DnsUpstreamsTest, SaysThatSomethingHasChanged) {
  EXPECT_TRUE(dns_.prepare(failing(), {}).empty());
  EXPECT_EQ(endpoints(failing()).size(), 1U);
  dns_.commit();
  fixture_.names().answer_with(app({"10.0.0.2"}));
  EXPECT_TRUE(eventually([&] { return dns_.changed(); }));
  EXPECT_EQ(endpoints(failing()), Texts{"10.0.0.2:80"});
  EXPECT_FALSE(dns_.changed());
}

TEST_F(DnsUpstreamsTest, ShowsWhatTheWorkersHaveAndNoCandidate) {
  const metrics::Gauge& shown = catalog_.dns("app").cells[0]->addresses;
  EXPECT_TRUE(dns_.prepare(failing(), {}).empty());
  EXPECT_EQ(shown.value(), 0);
  dns_.show(dns_.endpoints(failing()));
  EXPECT_EQ(shown.value(), 1);
  dns_.commit();
  config::Config candidate = failing();
  candidate.upstreams[0].dns->name = "other.example";
  fixture_.names().answer_with(always(kDnsNxdomain));
  EXPECT_EQ(dns_.prepare(candidate, {}).size(), 1U);
  EXPECT_EQ(shown.value(), 1);
}

TEST_F(DnsUpstreamsTest, RefusesAConfigurationWhoseNameHasToHaveAddressesAndHasNone) {
  fixture_.names().answer_with(always(kDnsNxdomain));
  const auto problems = dns_.prepare(failing(), {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].mark.line, 7U);
  EXPECT_EQ(problems[0].mark.column, 9U);
  EXPECT_NE(problems[0].text.find("'app.example'"), std::string::npos) << problems[0].text;
  EXPECT_NE(problems[0].text.find("NXDOMAIN"), std::string::npos) << problems[0].text;
}

TEST_F(DnsUpstreamsTest, RefusesInTimeWhenNobodyAnswers) {
  fixture_.names().answer_with(silence());
  config::Config config = failing();
  config.upstreams[0].dns->timeout = 50ms;
  const auto problems = dns_.prepare(config, {});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].text.find("no answer in time"), std::string::npos);
}

TEST_F(DnsUpstreamsTest, StartsWithoutAddressesWhereItMayAndFindsThemLater) {
  fixture_.names().answer_with(always(kDnsServfail));
  EXPECT_TRUE(dns_.prepare(config(), {}).empty());
  EXPECT_TRUE(endpoints(config()).empty());
  dns_.commit();
  fixture_.names().answer_with(app({"10.0.0.1"}));
  EXPECT_TRUE(eventually([&] { return dns_.changed(); }));
  EXPECT_EQ(endpoints(config()), Texts{"10.0.0.1:80"});
}

TEST_F(DnsUpstreamsTest, KeepsWhatIsInForceWhenAReloadIsRefused) {
  EXPECT_TRUE(dns_.prepare(failing(), {}).empty());
  EXPECT_EQ(endpoints(failing()).size(), 1U);
  dns_.commit();
  config::Config other = failing();
  other.upstreams[0].dns->name = "no.example";
  EXPECT_EQ(dns_.prepare(other, {{base::parse_address("10.0.0.1:80").value()}}).size(), 1U);
  dns_.abandon();
  EXPECT_FALSE(dns_.changed());
  EXPECT_EQ(endpoints(failing()), Texts{"10.0.0.1:80"});
}

TEST_F(DnsUpstreamsTest, DoesNotWaitForANameThatIsInForceAlready) {
  EXPECT_TRUE(dns_.prepare(failing(), {}).empty());
  dns_.commit();
  fixture_.names().answer_with(silence());
  config::Config slower = failing();
  slower.upstreams[0].dns->refresh = 1h;
  EXPECT_TRUE(dns_.prepare(slower, {}).empty());
  EXPECT_EQ(endpoints(slower), Texts{"10.0.0.1:80"});
  dns_.commit();
  EXPECT_EQ(endpoints(slower), Texts{"10.0.0.1:80"});
}

TEST_F(DnsUpstreamsTest, LeavesOutOurOwnListeners) {
  fixture_.names().answer_with(app({"10.0.0.1", "10.0.0.2"}));
  EXPECT_TRUE(dns_.prepare(failing(), {{base::parse_address("10.0.0.2:80").value()}}).empty());
  EXPECT_EQ(endpoints(failing()), Texts{"10.0.0.1:80"});
}

}  // namespace
}  // namespace proxy
