#include "proxy/upstream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

// Two workers' views of one upstream, on one catalog.
class UpstreamTest : public testing::Test {
 protected:
  static config::Config with(const std::vector<std::string>& endpoints,
                             config::Balance balance = config::Balance::kFirst) {
    config::Config config = WorkerFixture::one_listener(endpoints);
    config.upstreams[0].balance = balance;
    return config;
  }
  void apply(const config::Config& config, base::Nanos now = 1s) {
    snapshot_ = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog_);
    upstream_.apply(snapshot_, snapshot_->upstreams[0], now);
    other_worker_.apply(snapshot_, snapshot_->upstreams[0], now);
  }
  void apply(const std::vector<std::string>& endpoints, config::Balance balance) {
    apply(with(endpoints, balance));
  }

  Choice enter(Upstream& upstream, const std::vector<std::uint16_t>& tried = {},
               base::Nanos now = 1s) {
    return upstream.enter(client_, tried, now);
  }
  // A session that is connected; where.
  Endpoint* join(Upstream& upstream, base::Nanos now = 1s) {
    const Choice choice = enter(upstream, {}, now);
    if (choice.offer != Offer::kEndpoint) return nullptr;
    upstream.connected(*choice.endpoint);
    return choice.endpoint;
  }
  // The one an attempt goes to that ends at once; "-" when there is none, "full" when it must wait.
  std::string try_once(const std::vector<std::uint16_t>& tried = {}, base::Nanos now = 1s) {
    const Choice choice = enter(upstream_, tried, now);
    if (choice.offer == Offer::kNobody) return "-";
    if (choice.offer == Offer::kFull) return "full";
    std::string name = *choice.endpoint->name;
    upstream_.attempt_failed(*choice.endpoint);
    upstream_.gave_up();
    return name;
  }
  Verdict& verdict(const std::string& endpoint) {
    return catalog_.endpoint("app", endpoint).verdict;
  }
  void judge(const std::string& endpoint, bool healthy, base::Nanos now = 1s) {
    verdict(endpoint).healthy = healthy;
    upstream_.read_verdicts(now);
    other_worker_.read_verdicts(now);
  }
  void expect_nothing_counted() {
    for (std::size_t worker = 0; worker < 2; ++worker) {
      const UpstreamCells& cells = *catalog_.upstream("app").cells[worker];
      EXPECT_EQ(cells.sessions.value(), 0);
      EXPECT_EQ(cells.connecting.value(), 0);
      EXPECT_EQ(cells.queued.value(), 0);
      for (const EndpointPlan& endpoint : snapshot_->upstreams[0].endpoints) {
        EXPECT_EQ(endpoint.series->cells[worker]->sessions.value(), 0);
        EXPECT_EQ(endpoint.series->cells[worker]->connecting.value(), 0);
      }
    }
  }

  MetricsCatalog catalog_{2};
  SnapshotPtr snapshot_;
  Upstream upstream_{0, 1};
  Upstream other_worker_{1, 2};
  base::IpPort client_ = address("192.0.2.1:1000").ip;
};

TEST_F(UpstreamTest, PicksAnotherEndpointThanThoseTriedAndNoneWhenAllWere) {
  apply({"10.0.0.2:80", "10.0.0.3:80"}, config::Balance::kFirst);
  EXPECT_EQ(try_once(), "10.0.0.2:80");
  EXPECT_EQ(try_once({0}), "10.0.0.3:80");
  EXPECT_EQ(try_once({0, 1}), "-");
  expect_nothing_counted();
}

TEST_F(UpstreamTest, ARemovedEndpointStaysInItsPlaceUntilItsLastSessionEnds) {
  apply({"10.0.0.2:80"}, config::Balance::kLeastSessions);
  Endpoint* old_endpoint = join(upstream_);
  join(upstream_);
  apply({"10.0.0.3:80"}, config::Balance::kLeastSessions);
  EXPECT_TRUE(old_endpoint->removed);
  EXPECT_EQ(try_once(), "10.0.0.3:80");
  EXPECT_EQ(upstream_.sessions(), 2U);
  upstream_.left(*old_endpoint);
  EXPECT_EQ(*old_endpoint->name, "10.0.0.2:80");
  upstream_.left(*old_endpoint);
  EXPECT_FALSE(upstream_.in_use());
  EXPECT_EQ(catalog_.endpoint("app", "10.0.0.2:80").cells[0]->sessions.value(), 0);
  expect_nothing_counted();
}

TEST_F(UpstreamTest, TheSessionsOfAnEndpointThatComesBackAreNotCutAnyMore) {
  apply({"10.0.0.2:80"}, config::Balance::kLeastSessions);
  Endpoint* endpoint = join(upstream_);
  apply({"10.0.0.3:80"}, config::Balance::kLeastSessions);
  EXPECT_NE(endpoint->cut_at, base::kForever);
  apply({"10.0.0.3:80", "10.0.0.2:80"}, config::Balance::kLeastSessions);
  EXPECT_EQ(endpoint, upstream_.endpoints()[1].get());
  EXPECT_FALSE(endpoint->removed);
  EXPECT_EQ(endpoint->cut_at, base::kForever);
  // It has a session, and the other one has none.
  EXPECT_EQ(try_once(), "10.0.0.3:80");
  upstream_.left(*endpoint);
  expect_nothing_counted();
}

TEST_F(UpstreamTest, AnEndpointThatMovesInTheFileIsStillTheSame) {
  apply({"10.0.0.2:80", "10.0.0.3:80"}, config::Balance::kFirst);
  Endpoint* endpoint = join(upstream_);
  apply({"10.0.0.3:80", "10.0.0.2:80"}, config::Balance::kFirst);
  EXPECT_FALSE(endpoint->removed);
  EXPECT_EQ(endpoint->index, 1U);
  upstream_.left(*endpoint);
  expect_nothing_counted();
}

TEST_F(UpstreamTest, OnRemoveSaysWhenTheSessionsOfARemovedEndpointAreCut) {
  struct Case {
    config::OnRemove rule;
    base::Nanos cut_at;
  };
  for (const Case& wanted :
       {Case{config::OnRemove::kKeep, base::kForever}, Case{config::OnRemove::kDrain, 17s},
        Case{config::OnRemove::kClose, 10s}}) {
    apply(with({"10.0.0.2:80"}));
    Endpoint* endpoint = join(upstream_);
    config::Config config = with({"10.0.0.3:80"});
    config.upstreams[0].on_remove = wanted.rule;
    config.shutdown.drain = 7s;
    apply(config, 10s);
    EXPECT_EQ(endpoint->cut_at, wanted.cut_at);
    upstream_.left(*endpoint);
  }
}

TEST_F(UpstreamTest, ARetiredUpstreamsSessionsGoTheSameWayAndLateClientsStillGetIn) {
  apply(with({"10.0.0.2:80"}));
  Endpoint* endpoint = join(upstream_);
  upstream_.retire(5s, 10s);
  EXPECT_TRUE(upstream_.retired());
  EXPECT_EQ(endpoint->cut_at, 15s);
  EXPECT_EQ(try_once(), "10.0.0.2:80");
}

// --- Who is eligible.

TEST_F(UpstreamTest, NeitherUnhealthyNorEjectedOnesArePicked) {
  apply({"10.0.0.2:80", "10.0.0.3:80"}, config::Balance::kFirst);
  judge("10.0.0.2:80", false);
  EXPECT_EQ(try_once(), "10.0.0.3:80");
  verdict("10.0.0.3:80").ejected = true;
  EXPECT_EQ(try_once(), "10.0.0.3:80");  // Nobody has told the worker.
  upstream_.read_verdicts(1s);
  EXPECT_EQ(try_once(), "-");
  judge("10.0.0.2:80", true);
  EXPECT_EQ(try_once(), "10.0.0.2:80");
}

TEST_F(UpstreamTest, BackupsServeOnlyWhenEveryBetterOneIsDownOrWasTried) {
  config::Config config = with({"10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"});
  config.upstreams[0].endpoints[0].priority = 7;
  config.upstreams[0].endpoints[1].priority = 1;
  config.upstreams[0].endpoints[2].priority = 1;
  apply(config);
  EXPECT_EQ(try_once(), "10.0.0.3:80");
  EXPECT_EQ(try_once({1}), "10.0.0.4:80");
  EXPECT_EQ(try_once({1, 2}), "10.0.0.2:80");
  judge("10.0.0.3:80", false);
  EXPECT_EQ(try_once(), "10.0.0.4:80");
  judge("10.0.0.4:80", false);
  EXPECT_EQ(try_once(), "10.0.0.2:80");
  judge("10.0.0.4:80", true);
  EXPECT_EQ(try_once(), "10.0.0.4:80");
}

TEST_F(UpstreamTest, WhenAllAreDownTheConfigurationRefusesOrTriesAllInTheOrderOfPriorities) {
  config::Config config = with({"10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"});
  config.upstreams[0].endpoints[0].priority = 1;
  config.upstreams[0].endpoints[2].weight = 0;
  apply(config);
  judge("10.0.0.2:80", false);
  judge("10.0.0.3:80", false);
  EXPECT_EQ(try_once(), "-");
  config.upstreams[0].all_down = config::AllDown::kTryAll;
  apply(config);
  EXPECT_EQ(try_once(), "10.0.0.3:80");
  EXPECT_EQ(try_once({1}), "10.0.0.2:80");
  EXPECT_EQ(try_once({0, 1}), "-");  // Weight 0 is the operator's word: never.
}

TEST_F(UpstreamTest, WeightZeroByReloadStopsNewSessionsAndKeepsTheOldOnes) {
  config::Config config = with({"10.0.0.2:80", "10.0.0.3:80"});
  apply(config);
  Endpoint* endpoint = join(upstream_);
  config.upstreams[0].endpoints[0].weight = 0;
  apply(config);
  EXPECT_FALSE(endpoint->removed);
  EXPECT_EQ(endpoint->cut_at, base::kForever);
  EXPECT_EQ(try_once(), "10.0.0.3:80");
  upstream_.left(*endpoint);
  expect_nothing_counted();
}

// --- Limits.

TEST_F(UpstreamTest, MaxSessionsHoldsOverAllWorkers) {
  config::Config config = with({"10.0.0.2:80"});
  config.upstreams[0].limits.max_sessions = 2;
  apply(config);
  Endpoint* mine = join(upstream_);
  Endpoint* theirs = join(other_worker_);
  ASSERT_NE(mine, nullptr);
  ASSERT_NE(theirs, nullptr);
  EXPECT_EQ(enter(upstream_).offer, Offer::kFull);
  EXPECT_EQ(enter(other_worker_).offer, Offer::kFull);
  other_worker_.left(*theirs);
  EXPECT_EQ(try_once(), "10.0.0.2:80");
  upstream_.left(*mine);
  expect_nothing_counted();
}

TEST_F(UpstreamTest, MaxConnectingIsFreedByTheConnect) {
  config::Config config = with({"10.0.0.2:80"});
  config.upstreams[0].limits.max_connecting = 1;
  apply(config);
  const Choice first = enter(upstream_);
  ASSERT_EQ(first.offer, Offer::kEndpoint);
  EXPECT_EQ(enter(other_worker_).offer, Offer::kFull);
  upstream_.connected(*first.endpoint);
  EXPECT_NE(join(other_worker_), nullptr);
  upstream_.left(*first.endpoint);
  other_worker_.left(*other_worker_.endpoints()[0]);
  expect_nothing_counted();
}

TEST_F(UpstreamTest, AFullEndpointIsPassedOverAndOnlyFullOnesMeanWaiting) {
  config::Config config = with({"10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"});
  config.upstreams[0].endpoints[0].max_sessions = 1;
  config.upstreams[0].endpoints[1].max_connecting = 1;
  config.upstreams[0].endpoints[2].priority = 1;
  apply(config);
  Endpoint* first = join(other_worker_);
  EXPECT_EQ(*first->name, "10.0.0.2:80");
  const Choice second = enter(upstream_);
  ASSERT_EQ(second.offer, Offer::kEndpoint);
  EXPECT_EQ(*second.endpoint->name, "10.0.0.3:80");
  // The backup is for endpoints that are down, not for busy ones.
  EXPECT_EQ(try_once(), "full");
  EXPECT_EQ(try_once({0}), "full");
  EXPECT_EQ(try_once({0, 1}), "10.0.0.4:80");
  upstream_.connected(*second.endpoint);
  EXPECT_EQ(try_once(), "10.0.0.3:80");
  upstream_.left(*second.endpoint);
  other_worker_.left(*first);
  expect_nothing_counted();
}

TEST_F(UpstreamTest, ARetryKeepsThePlaceAtTheUpstreamAndMovesOnlyItsEndpoint) {
  config::Config config = with({"10.0.0.2:80", "10.0.0.3:80"});
  config.upstreams[0].limits = {.max_sessions = 1, .max_connecting = 1};
  apply(config);
  const Choice first = enter(upstream_);
  upstream_.attempt_failed(*first.endpoint);
  EXPECT_EQ(enter(other_worker_).offer, Offer::kFull);
  const Choice second = upstream_.try_another(client_, std::vector<std::uint16_t>{0}, 1s);
  ASSERT_EQ(second.offer, Offer::kEndpoint);
  EXPECT_EQ(*second.endpoint->name, "10.0.0.3:80");
  upstream_.connected(*second.endpoint);
  upstream_.left(*second.endpoint);
  expect_nothing_counted();
}

// --- Slow start.

class UpstreamSlowStart : public UpstreamTest {
 protected:
  static config::Config three(config::Balance balance) {
    config::Config config = with({"10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"}, balance);
    config.upstreams[0].slow_start = 100s;
    return config;
  }
  // Sessions of so many clients that stay, by endpoint.
  std::map<std::string, std::size_t> load(std::uint32_t clients, base::Nanos now) {
    std::map<std::string, std::size_t> counts;
    for (std::uint32_t i = 0; i < clients; ++i) {
      client_.bytes[2] = static_cast<std::uint8_t>(i / 250);
      client_.bytes[3] = static_cast<std::uint8_t>(i % 250);
      ++counts[try_once({}, now)];
    }
    return counts;
  }
};

TEST_F(UpstreamSlowStart, AtTheStartOfTheProcessEverybodyHasItsWholeWeight) {
  apply(three(config::Balance::kRoundRobin));
  const auto counts = load(300, 1s);
  for (const auto& [name, count] : counts) EXPECT_EQ(count, 100U) << name;
}

TEST_F(UpstreamSlowStart, WhoComesBackGrowsToItsWeight) {
  apply(three(config::Balance::kRoundRobin));
  judge("10.0.0.4:80", false, 2s);
  EXPECT_EQ(load(300, 2s).count("10.0.0.4:80"), 0U);
  judge("10.0.0.4:80", true, 10s);
  // One step of twenty: a share of 5 to 205 parts. Turns are exact to one.
  EXPECT_NEAR(static_cast<double>(load(410, 10s)["10.0.0.4:80"]), 10, 1);
  EXPECT_NEAR(static_cast<double>(load(250, 62s)["10.0.0.4:80"]), 55.0 / 255 * 250, 1);
  EXPECT_EQ(load(300, 110s)["10.0.0.4:80"], 100U);
}

TEST_F(UpstreamSlowStart, SoDoesWhoIsNewByReloadOrHasAWeightAgain) {
  config::Config config = three(config::Balance::kRoundRobin);
  config.upstreams[0].endpoints[1].weight = 0;
  config::Config before = config;
  before.upstreams[0].endpoints.pop_back();
  apply(before, 1s);
  config.upstreams[0].endpoints[1].weight = 100;
  apply(config, 10s);
  const auto counts = load(220, 10s);
  EXPECT_NEAR(static_cast<double>(counts.at("10.0.0.2:80")), 200, 1);
  EXPECT_NEAR(static_cast<double>(counts.at("10.0.0.3:80")), 10, 1);
  EXPECT_NEAR(static_cast<double>(counts.at("10.0.0.4:80")), 10, 1);
}

TEST_F(UpstreamSlowStart, ByClientAGrowingPartOfItsOwnClientsComesBackAndNobodyElseMoves) {
  for (const auto balance : {config::Balance::kMaglev, config::Balance::kSourceHash}) {
    Upstream fresh{0, 1};
    const auto where = [&](std::uint32_t number, base::Nanos now) {
      base::IpPort client = address("192.0.2.1:1000").ip;
      client.bytes[3] = static_cast<std::uint8_t>(number);
      const Choice choice = fresh.enter(client, {}, now);
      std::string name = *choice.endpoint->name;
      fresh.attempt_failed(*choice.endpoint);
      fresh.gave_up();
      return name;
    };
    apply(three(balance));
    fresh.apply(snapshot_, snapshot_->upstreams[0], 1s);
    std::vector<std::string> home;
    for (std::uint32_t i = 0; i < 256; ++i) home.push_back(where(i, 1s));
    for (const bool healthy : {false, true}) {
      verdict("10.0.0.4:80").healthy = healthy;
      fresh.read_verdicts(healthy ? 10s : 5s);
    }
    std::set<std::uint32_t> back;
    for (const base::Nanos now : {10s, 40s, 80s, 110s}) {
      for (std::uint32_t i = 0; i < 256; ++i) {
        const bool at_home = where(i, now) == home[i];
        if (home[i] != "10.0.0.4:80") {
          EXPECT_TRUE(at_home);
        } else if (back.contains(i)) {
          EXPECT_TRUE(at_home) << "who is let in stays in";
        } else if (at_home) {
          back.insert(i);
        }
      }
      if (now == base::Nanos(10s)) {
        EXPECT_LT(back.size(), 64U);  // 5 % of some 85 clients are expected.
      }
    }
    EXPECT_EQ(back.size(),
              static_cast<std::size_t>(std::count(home.begin(), home.end(), "10.0.0.4:80")));
  }
}

TEST_F(UpstreamSlowStart, AnEndpointThatIsAloneTakesEverybodyAtOnce) {
  for (const auto balance : {config::Balance::kFirst, config::Balance::kMaglev}) {
    apply(three(balance));
    for (const char* down : {"10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"}) judge(down, false);
    judge("10.0.0.4:80", true, 10s);
    EXPECT_EQ(load(300, 10s)["10.0.0.4:80"], 300U);
    for (const char* well : {"10.0.0.2:80", "10.0.0.3:80"}) judge(well, true, 10s);
  }
}

}  // namespace
}  // namespace proxy
