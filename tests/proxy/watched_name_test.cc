#include "proxy/watched_name.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/proxy/dns_fixture.h"

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class WatchedNameTest : public testing::Test {
 protected:
  DnsOrder order() {
    const config::Upstream upstream = fixture_.upstream();
    return {.upstream = upstream.name, .dns = *upstream.dns, .cells = &cells_, .filter = 0};
  }

  // One lookup from beginning to end, with real time for the name server only.
  void look_up(WatchedName& name, base::Nanos now = base::monotonic_now()) {
    name.look_up(now);
    bool published = false;
    while (name.looking()) {
      std::vector<pollfd> waits;
      name.add_waits(waits);
      static_cast<void>(::poll(waits.data(), waits.size(), 10));
      published |= name.step(waits, base::monotonic_now(), filter_, 0);
    }
    EXPECT_TRUE(published);
  }

  std::uint64_t lookups(DnsResult result) const {
    return cells_.lookups[static_cast<std::size_t>(result)].value();
  }

  DnsFixture fixture_;
  DnsCells cells_;
  DnsFilter filter_;
};

TEST_F(WatchedNameTest, IsDueAtOnceAndAgainAfterItsRefresh) {
  WatchedName name(order(), fixture_.log());
  EXPECT_TRUE(name.due(0s));
  EXPECT_FALSE(name.answered());
  look_up(name);
  EXPECT_TRUE(name.answered());
  EXPECT_FALSE(name.due(0s));
  EXPECT_TRUE(name.due(name.next_lookup()));
  EXPECT_EQ(name.deadline(0s), name.next_lookup());
  EXPECT_EQ(texts_of(name.finding().addresses), std::vector<std::string>{"10.0.0.1:80"});
}

TEST_F(WatchedNameTest, CountsWhatItDoes) {
  WatchedName name(order(), fixture_.log());
  filter_ = DnsFilter({base::parse_address("10.0.0.9:80").value()});
  fixture_.names().answer_with(app({"10.0.0.1", "10.0.0.9", "0.0.0.0"}));
  look_up(name);
  EXPECT_EQ(lookups(DnsResult::kOk), 1U);
  EXPECT_GT(cells_.last_success_seconds.value(), 1'500'000'000);
  EXPECT_EQ(cells_.ignored[static_cast<std::size_t>(DnsIgnored::kOwnListener)].value(), 1U);
  EXPECT_EQ(cells_.ignored[static_cast<std::size_t>(DnsIgnored::kUnusable)].value(), 1U);
  fixture_.names().answer_with(always(kDnsNxdomain));
  look_up(name);
  EXPECT_EQ(lookups(DnsResult::kNxdomain), 1U);
  const std::string log = fixture_.logged();
  EXPECT_NE(log.find("1 addresses of app.example are ignored: own_listener"), std::string::npos);
}

TEST_F(WatchedNameTest, TakesAnAnswerOfOwnListenersOnlyAsEmpty) {
  WatchedName name(order(), fixture_.log());
  look_up(name);
  fixture_.names().answer_with(app({"0.0.0.0"}));
  look_up(name);
  EXPECT_EQ(lookups(DnsResult::kEmpty), 1U);
  EXPECT_EQ(name.finding().addresses.size(), 1U);
}

TEST_F(WatchedNameTest, LogsNewsAndNotEveryRetry) {
  WatchedName name(order(), fixture_.log());
  look_up(name);
  fixture_.names().answer_with(always(kDnsNxdomain));
  for (int i = 0; i < 5; ++i) look_up(name);
  fixture_.names().answer_with(app({"10.0.0.2"}));
  look_up(name);
  look_up(name);
  const std::string log = fixture_.logged();
  const auto count = [&log](const std::string& text) {
    int found = 0;
    for (auto at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("has 1 addresses now: +10.0.0.1:80\n"), 1) << log;
  EXPECT_EQ(count("failed: there is no such name (NXDOMAIN); 1 addresses"), 1) << log;
  EXPECT_EQ(count("is answered again"), 1) << log;
  EXPECT_EQ(count("now: +10.0.0.2:80 -10.0.0.1:80\n"), 1) << log;
}

TEST_F(WatchedNameTest, SaysWhenThereIsNothingToFallBackOn) {
  fixture_.names().answer_with(always(kDnsServfail));
  WatchedName name(order(), fixture_.log());
  look_up(name);
  const std::string log = fixture_.logged();
  EXPECT_NE(log.find("; the upstream has no endpoint\n"), std::string::npos) << log;
}

TEST_F(WatchedNameTest, LooksAgainAtOnceWhenListenersHaveChanged) {
  WatchedName name(order(), fixture_.log());
  look_up(name);
  const base::Nanos planned = name.next_lookup();
  name.configure(order(), filter_, false, 1s);
  EXPECT_EQ(name.next_lookup(), planned);
  const DnsFilter own({base::parse_address("10.0.0.1:80").value()});
  name.configure(order(), own, true, 1s);
  EXPECT_EQ(name.next_lookup(), 1s);
  EXPECT_TRUE(name.finding().addresses.empty());
}

TEST(DnsOrder, HasAKeyForEveryQuestionOfEveryUpstream) {
  DnsOrder order{.upstream = "a", .dns = {}, .cells = nullptr, .filter = 0};
  order.dns.name = "app.example";
  const std::string key = order.key();
  DnsOrder other = order;
  other.dns.refresh = 1h;
  other.filter = 1;
  EXPECT_EQ(other.key(), key);
  other.dns.type = config::DnsType::kSrv;
  EXPECT_NE(other.key(), key);
  other = order;
  other.dns.port = 1;
  EXPECT_NE(other.key(), key);
  other = order;
  other.upstream = "b";
  EXPECT_NE(other.key(), key);
  other = order;
  other.dns.servers = {base::parse_address("127.0.0.1:53").value().ip};
  EXPECT_NE(other.key(), key);
}

}  // namespace
}  // namespace proxy
