#include "proxy/monitor_thread.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>

#include "base/address.h"
#include "proxy/snapshot.h"

namespace proxy {
namespace {

// Fulfils a promise with the first announcement.
class FirstAnnouncement : public Announcer {
 public:
  bool announce_verdicts() override {
    if (!heard_) first_.set_value();
    heard_ = true;
    return true;
  }
  std::future<void> first() { return first_.get_future(); }

 private:
  bool heard_ = false;
  std::promise<void> first_;
};

class MonitorThreadTest : public testing::Test {
 protected:
  SnapshotPtr snapshot() {
    config::Config config;
    config::Upstream& upstream = config.upstreams.emplace_back();
    upstream.name = "app";
    // TCP port 1 of this machine: nobody serves it.
    upstream.endpoints.push_back(
        {.address = base::parse_address("127.0.0.1:1").value(), .mark = {}});
    upstream.health.emplace();
    upstream.health->interval = std::chrono::milliseconds(10);
    return make_snapshot(1, config, {}, catalog_);
  }
  MonitorLinks links() {
    return {.evidence = {&evidence_},
            .announcer = &announcer_,
            .log = nullptr,
            .totals = &catalog_.monitor()};
  }

  MetricsCatalog catalog_{1};
  EvidenceLog evidence_;
  FirstAnnouncement announcer_;
  std::unique_ptr<backends::TransportFactory> factory_ =
      backends::make_transport_factory("auto").value();
};

TEST_F(MonitorThreadTest, ChecksOverTheKernelAndTellsTheWorkers) {
  auto announced = announcer_.first();
  MonitorThread monitor({.checks_max = 4, .seed = 1}, links(), *factory_);
  ASSERT_TRUE(monitor.started());
  monitor.apply(snapshot());
  announced.wait();
  EXPECT_FALSE(catalog_.endpoint("app", "127.0.0.1:1").verdict.healthy);
  monitor.stop();
  monitor.stop();
}

TEST_F(MonitorThreadTest, MayBeWokenAfterItStoppedUntilItGoes) {
  MonitorThread monitor({.checks_max = 4, .seed = 1}, links(), *factory_);
  ASSERT_TRUE(monitor.started());
  monitor.stop();
  evidence_.push({.endpoint = &catalog_.endpoint("app", "127.0.0.1:1"),
                  .at = {},
                  .outcome = Outcome::kConnectFailed});
}

}  // namespace
}  // namespace proxy
