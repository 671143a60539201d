#include "proxy/snapshot.h"

#include <gtest/gtest.h>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

TEST(Snapshot, HasTheClaimedAddressAndTheOptionsOfEveryBind) {
  MetricsCatalog catalog(1);
  config::Config config = WorkerFixture::one_listener({"10.0.0.2:80"});
  config.listeners[0].bind[0].address = address("10.0.0.1:0");
  config.listeners[0].tcp.keepalive.idle = 7s;
  const auto snapshot = make_snapshot(3, config, {{address("10.0.0.1:4711")}}, catalog);
  EXPECT_EQ(snapshot->generation, 3U);
  const backends::ListenSpec& spec = snapshot->listeners[0].binds[0];
  EXPECT_EQ(spec.address, address("10.0.0.1:4711"));
  EXPECT_EQ(spec.tcp.keepalive_idle, 7s);
  EXPECT_EQ(spec.backlog, 4096);
}

TEST(Snapshot, PointsIntoTheConfigurationItOwns) {
  MetricsCatalog catalog(1);
  SnapshotPtr snapshot;
  {
    const config::Config config = WorkerFixture::one_listener({"10.0.0.2:80", "10.0.0.3:80"});
    snapshot = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog);
  }
  EXPECT_EQ(snapshot->listeners[0].config->name, "web");
  EXPECT_EQ(snapshot->upstreams[0].config->name, "app");
  EXPECT_EQ(snapshot->upstreams[0].endpoints[1].series->names.endpoint, "10.0.0.3:80");
  EXPECT_EQ(snapshot->listeners[0].upstream, 0U);
}

TEST(Snapshot, BuildsAMaglevTableOnlyForThoseWhoUseIt) {
  MetricsCatalog catalog(1);
  config::Config config = WorkerFixture::one_listener({"10.0.0.2:80"});
  EXPECT_FALSE(make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog)->upstreams[0].maglev);
  config.upstreams[0].balance = config::Balance::kMaglev;
  const auto snapshot = make_snapshot(2, config, {{address("10.0.0.1:80")}}, catalog);
  ASSERT_TRUE(snapshot->upstreams[0].maglev);
  EXPECT_EQ(snapshot->upstreams[0].maglev->at(0), 0);
}

TEST(Snapshot, GivesAnOriginalDestinationUpstreamOneEndpointWithoutAnAddress) {
  MetricsCatalog catalog(1);
  config::Config config = WorkerFixture::one_listener({});
  config.upstreams[0].original_dst = true;
  const auto snapshot = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog);
  ASSERT_EQ(snapshot->upstreams[0].endpoints.size(), 1U);
  EXPECT_EQ(snapshot->upstreams[0].endpoints[0].address.family(), base::Family::kNone);
  EXPECT_EQ(snapshot->upstreams[0].endpoints[0].series->names.endpoint, "original_dst");
}

TEST(Snapshot, HasTheEndpointsThatTheDnsGave) {
  MetricsCatalog catalog(1);
  config::Config config = WorkerFixture::one_listener({});
  config.upstreams[0].dns.emplace().name = "app.example";
  const DnsAddress first{.address = address("10.0.0.2:80").ip, .weight = 7, .priority = 1};
  const DnsAddress second{.address = address("[fd00::1]:81").ip, .weight = 9, .priority = 2};
  const auto none = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog);
  EXPECT_TRUE(none->upstreams[0].endpoints.empty());
  const auto snapshot = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog,
                                      {{"app", {first, second}}, {"other", {first}}});
  ASSERT_EQ(snapshot->upstreams[0].endpoints.size(), 2U);
  const EndpointPlan& plan = snapshot->upstreams[0].endpoints[1];
  EXPECT_EQ(plan.address, address("[fd00::1]:81"));
  EXPECT_EQ(plan.weight, 9U);
  EXPECT_EQ(plan.priority, 2U);
  EXPECT_EQ(plan.series->names.endpoint, "[fd00::1]:81");
}

}  // namespace
}  // namespace proxy
