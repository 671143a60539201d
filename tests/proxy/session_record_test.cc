#include "proxy/session_record.h"

#include <gtest/gtest.h>

#include <chrono>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class SessionRecordTest : public testing::Test {
 protected:
  SessionRecordTest() {
    rules_.route = &route_;
    session_.rules = &rules_;
    setup_.endpoint_name = &tried_;
    session_.setup = &setup_;
    endpoint_.name = &taken_;
    session_.accepted_at = 10s;
    session_.attempts = 2;
    session_.progress.bytes = {3, 4};
  }
  AccessRecord record() const {
    return record_of(session_, {Actor::kClient, Cause::kEof}, 15s, 7, "sim");
  }

  // As they are when a relay begins.
  void begin_relay() {
    session_.setup = nullptr;
    session_.endpoint = &endpoint_;
    session_.relay_started = 13s;
    session_.connect_time = 2s;
  }

  const RouteSeries route_{1, {.listener = "web", .upstream = "app", .endpoint = {}}};
  const std::string tried_ = "10.0.0.1:80";
  const std::string taken_ = "10.0.0.2:80";
  SessionRules rules_;
  SessionSetup setup_;
  Endpoint endpoint_;
  Session session_;
};

TEST_F(SessionRecordTest, SaysWhoWhereHowLongAndHowMuch) {
  begin_relay();
  const AccessRecord made = record();
  EXPECT_EQ(*made.listener, "web");
  EXPECT_EQ(*made.upstream, "app");
  EXPECT_EQ(made.endpoint, &taken_);
  EXPECT_EQ(made.ended, base::Nanos(15s));
  EXPECT_EQ(made.setup, base::Nanos(3s));
  EXPECT_EQ(made.connect, base::Nanos(2s));
  EXPECT_EQ(made.total, base::Nanos(5s));
  EXPECT_EQ(made.bytes, session_.progress.bytes);
  EXPECT_EQ(made.attempts, 2U);
  EXPECT_EQ(made.worker, 7U);
  EXPECT_EQ(made.reason, (EndReason{Actor::kClient, Cause::kEof}));
}

TEST_F(SessionRecordTest, OutOfAPoolNobodyWaitsForAConnect) {
  begin_relay();
  session_.pool = PoolUse::kHit;
  EXPECT_EQ(record().setup, base::Nanos(3s));
  EXPECT_EQ(record().connect, base::Nanos(0));
}

TEST_F(SessionRecordTest, ASessionThatWasNeverRelayedHasNoSetUpTimeAndNamesWhatItTriedLast) {
  const AccessRecord untouched;
  EXPECT_EQ(record().endpoint, &tried_);
  EXPECT_EQ(record().setup, untouched.setup);
  EXPECT_EQ(record().connect, untouched.connect);
}

TEST_F(SessionRecordTest, AnOriginalDestinationIsTheEndpoint) {
  setup_.destination = base::parse_address("10.9.9.9:443").value().ip;
  EXPECT_EQ(record().endpoint, nullptr);
  EXPECT_EQ(record().endpoint_address, setup_.destination);
  begin_relay();
  session_.setup = &setup_;
  EXPECT_EQ(record().endpoint, nullptr);
  EXPECT_EQ(record().endpoint_address, setup_.destination);
}

}  // namespace
}  // namespace proxy
