#include "proxy/resolver.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/proxy/dns_fixture.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class ResolverTest : public testing::Test {
 protected:
  DnsOrder order(const std::string& upstream = "app") {
    return {.upstream = upstream, .dns = *fixture_.upstream().dns, .cells = &cells_, .filter = 0};
  }

  void watch(std::vector<DnsOrder> names, DnsFilter filter = {}) {
    std::vector<std::string> keys;
    keys.reserve(names.size());
    for (const DnsOrder& name : names) keys.push_back(name.key());
    directory_.expect(keys);
    resolver_.watch({.names = std::move(names), .filters = {std::move(filter)}});
  }

  std::vector<std::string> found(const DnsOrder& name) {
    const auto finding = directory_.find(name.key());
    return finding ? texts_of(finding->addresses) : std::vector<std::string>{"nothing"};
  }

  // The resolver says that something has changed until this is so.
  bool changes_until(const std::function<bool()>& condition) {
    const base::Nanos end = base::monotonic_now() + 30s;
    while (!condition()) {
      if (base::monotonic_now() > end) return false;
      pollfd wait{.fd = resolver_.changed_fd(), .events = POLLIN, .revents = 0};
      static_cast<void>(::poll(&wait, 1, 1000));
      eventfd_t changes = 0;
      static_cast<void>(eventfd_read(resolver_.changed_fd(), &changes));
    }
    return true;
  }

  using Texts = std::vector<std::string>;
  DnsFixture fixture_;
  DnsCells cells_;
  DnsDirectory directory_;
  Resolver resolver_{directory_, fixture_.log()};
};

TEST_F(ResolverTest, NeedsNoNames) { watch({}); }

TEST_F(ResolverTest, FindsANameAndFollowsIt) {
  watch({order()});
  EXPECT_TRUE(directory_.wait_for(order().key(), base::monotonic_now() + 30s));
  EXPECT_EQ(found(order()), Texts{"10.0.0.1:80"});
  fixture_.names().answer_with(app({"10.0.0.2", "10.0.0.3"}));
  EXPECT_TRUE(changes_until([&] { return found(order()) == Texts{"10.0.0.2:80", "10.0.0.3:80"}; }));
}

TEST_F(ResolverTest, TellsThatALookupHasFailed) {
  fixture_.names().answer_with(always(kDnsNxdomain));
  watch({order()});
  const auto finding = directory_.wait_for(order().key(), base::monotonic_now() + 30s);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->last, DnsResult::kNxdomain);
}

TEST_F(ResolverTest, WatchesMoreNamesThanItLooksUpAtOneTime) {
  std::vector<DnsOrder> orders;
  std::vector<DnsCells> cells(3 * Resolver::kLookupsMax);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    orders.push_back(order("app" + std::to_string(i)));
    orders.back().cells = &cells[i];
  }
  watch(orders);
  for (const DnsOrder& one : orders) {
    EXPECT_TRUE(directory_.wait_for(one.key(), base::monotonic_now() + 30s)) << one.upstream;
  }
  watch({});
  // The cells outlive what writes them: the resolver has let go when another name is answered.
  watch({order("last")});
  EXPECT_TRUE(directory_.wait_for(order("last").key(), base::monotonic_now() + 30s));
}

TEST_F(ResolverTest, KeepsWhatItKnowsOfANameThroughAReload) {
  watch({order()});
  EXPECT_TRUE(directory_.wait_for(order().key(), base::monotonic_now() + 30s));
  fixture_.names().answer_with(silence());
  DnsOrder slower = order();
  slower.dns.refresh = 1h;
  watch({slower, order("second")});
  EXPECT_EQ(found(order()), Texts{"10.0.0.1:80"});
  EXPECT_EQ(found(order("second")), Texts{"nothing"});
}

TEST_F(ResolverTest, DropsAnAddressThatHasBecomeAListener) {
  watch({order()});
  EXPECT_TRUE(directory_.wait_for(order().key(), base::monotonic_now() + 30s));
  watch({order()}, DnsFilter({base::parse_address("10.0.0.1:80").value()}));
  EXPECT_TRUE(changes_until([&] { return found(order()).empty(); }));
}

TEST_F(ResolverTest, EndsWhileLookupsAreUnderWay) {
  fixture_.names().answer_with(silence());
  watch({order(), order("second")});
  EXPECT_FALSE(directory_.wait_for(order().key(), base::monotonic_now() + 20ms));
}

}  // namespace
}  // namespace proxy
