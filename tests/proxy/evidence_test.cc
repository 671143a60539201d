#include "proxy/evidence.h"

#include <gtest/gtest.h>

#include <thread>

#include "backends/sim/sim_network.h"
#include "backends/sim/sim_transport.h"

namespace proxy {
namespace {

class EvidenceTest : public testing::Test {
 protected:
  EvidenceRecord record(Outcome outcome) {
    return {.endpoint = &endpoint_, .at = base::Nanos{7}, .outcome = outcome};
  }
  // The monitor's transport has a kWoken for it.
  bool woken() { return !transport_.poll(base::Nanos{0}).empty(); }

  MetricsCatalog catalog_{1};
  const EndpointSeries& endpoint_ = catalog_.endpoint("app", "10.0.0.1:1");
  backends::SimNetwork network_{{}};
  backends::SimTransport transport_{network_, {}};
  EvidenceLog log_;
};

TEST_F(EvidenceTest, ComesOutAsItWentIn) {
  log_.push(record(Outcome::kConnectFailed));
  log_.push(record(Outcome::kConnected));
  EvidenceRecord read;
  ASSERT_TRUE(log_.try_pop(read));
  EXPECT_EQ(read.endpoint, &endpoint_);
  EXPECT_EQ(read.at, base::Nanos{7});
  EXPECT_EQ(read.outcome, Outcome::kConnectFailed);
  ASSERT_TRUE(log_.try_pop(read));
  EXPECT_EQ(read.outcome, Outcome::kConnected);
  EXPECT_FALSE(log_.try_pop(read));
}

TEST_F(EvidenceTest, WakesTheMonitorOnceUntilItReads) {
  log_.attach(&transport_);
  EXPECT_FALSE(woken());
  log_.push(record(Outcome::kConnectFailed));
  EXPECT_TRUE(woken());
  log_.push(record(Outcome::kConnectFailed));
  EXPECT_FALSE(woken());
  log_.begin_reading();
  log_.push(record(Outcome::kConnectFailed));
  EXPECT_TRUE(woken());
}

TEST_F(EvidenceTest, WaitsForAMonitorThatIsNotThereYet) {
  log_.push(record(Outcome::kResetEarly));
  log_.attach(&transport_);
  EXPECT_TRUE(woken());
}

TEST_F(EvidenceTest, DropsAndCountsWhatDoesNotFit) {
  for (std::size_t i = 0; i < EvidenceLog::kRecords + 3; ++i) {
    log_.push(record(Outcome::kConnectFailed));
  }
  EXPECT_EQ(log_.dropped(), 3U);
}

// Run by tsan too.
TEST(EvidenceWorkerThread, LosesNoWakeUp) {
  constexpr std::uint64_t kPushes = 10'000;
  backends::SimNetwork network{{}};
  backends::SimTransport transport{network, {}};
  MetricsCatalog catalog{1};
  const EndpointSeries& endpoint = catalog.endpoint("app", "10.0.0.1:1");
  EvidenceLog log;
  log.attach(&transport);
  std::thread worker([&] {
    for (std::uint64_t i = 0; i < kPushes; ++i) {
      log.push({.endpoint = &endpoint, .at = {}, .outcome = Outcome::kConnectFailed});
    }
  });
  std::uint64_t read = 0;
  while (read + log.dropped() < kPushes) {
    static_cast<void>(transport.poll(base::kForever));  // Sleeps for ever when a wake-up is lost.
    log.begin_reading();
    EvidenceRecord record;
    while (log.try_pop(record)) ++read;
  }
  worker.join();
  EXPECT_EQ(read + log.dropped(), kPushes);
}

}  // namespace
}  // namespace proxy
