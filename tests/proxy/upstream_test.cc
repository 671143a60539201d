#include "proxy/upstream.h"

#include <gtest/gtest.h>

#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

class UpstreamTest : public testing::Test {
 protected:
  void apply(const std::vector<std::string>& endpoints, config::Balance balance) {
    config::Config config = WorkerFixture::one_listener(endpoints);
    config.upstreams[0].balance = balance;
    snapshot_ = make_snapshot(1, config, {{address("10.0.0.1:80")}}, catalog_);
    upstream_.apply(snapshot_, snapshot_->upstreams[0]);
  }

  MetricsCatalog catalog_{1};
  SnapshotPtr snapshot_;
  Upstream upstream_{0, 1};
  base::IpPort client_ = address("192.0.2.1:1000").ip;
};

TEST_F(UpstreamTest, PicksAnotherEndpointThanThoseTriedAndNoneWhenAllWere) {
  apply({"10.0.0.2:80", "10.0.0.3:80"}, config::Balance::kFirst);
  Endpoint* first = upstream_.pick(client_, {});
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(*first->name, "10.0.0.2:80");
  const std::vector<std::uint16_t> tried = {first->index};
  Endpoint* second = upstream_.pick(client_, tried);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(*second->name, "10.0.0.3:80");
  const std::vector<std::uint16_t> both = {first->index, second->index};
  EXPECT_EQ(upstream_.pick(client_, both), nullptr);
}

TEST_F(UpstreamTest, ARemovedEndpointStaysInItsPlaceUntilItsLastSessionEnds) {
  apply({"10.0.0.2:80"}, config::Balance::kLeastSessions);
  Endpoint* old_endpoint = upstream_.pick(client_, {});
  upstream_.session_started(*old_endpoint);
  upstream_.session_started(*old_endpoint);
  apply({"10.0.0.3:80"}, config::Balance::kLeastSessions);
  EXPECT_TRUE(old_endpoint->removed);
  EXPECT_EQ(*upstream_.pick(client_, {})->name, "10.0.0.3:80");
  EXPECT_EQ(upstream_.sessions(), 2U);
  upstream_.session_ended(*old_endpoint);
  EXPECT_EQ(*old_endpoint->name, "10.0.0.2:80");
  upstream_.session_ended(*old_endpoint);
  EXPECT_EQ(upstream_.sessions(), 0U);
  EXPECT_EQ(catalog_.endpoint("app", "10.0.0.2:80").cells[0]->sessions.value(), 0);
}

TEST_F(UpstreamTest, AnEndpointThatMovesInTheFileIsStillTheSame) {
  apply({"10.0.0.2:80", "10.0.0.3:80"}, config::Balance::kFirst);
  Endpoint* endpoint = upstream_.pick(client_, {});
  upstream_.session_started(*endpoint);
  apply({"10.0.0.3:80", "10.0.0.2:80"}, config::Balance::kFirst);
  EXPECT_FALSE(endpoint->removed);
  EXPECT_EQ(endpoint->index, 1U);
  upstream_.session_ended(*endpoint);
}

}  // namespace
}  // namespace proxy
