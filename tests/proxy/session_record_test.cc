#include "proxy/session_record.h"

#include <gtest/gtest.h>

#include <chrono>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

class SessionRecordTest : public testing::Test {
 protected:
  SessionRecordTest() {
    session_.route = &route_;
    session_.endpoint_name = &endpoint_;
    session_.accepted_at = 10s;
    session_.attempts = 2;
    session_.progress.bytes = {3, 4};
  }
  AccessRecord record() const {
    return record_of(session_, {Actor::kClient, Cause::kEof}, 15s, 7, "sim");
  }

  const RouteSeries route_{1, {.listener = "web", .upstream = "app", .endpoint = {}}};
  const std::string endpoint_ = "10.0.0.2:80";
  Session session_;
};

TEST_F(SessionRecordTest, SaysWhoWhereHowLongAndHowMuch) {
  session_.connect_started = 11s;
  session_.relay_started = 13s;
  const AccessRecord made = record();
  EXPECT_EQ(*made.listener, "web");
  EXPECT_EQ(*made.upstream, "app");
  EXPECT_EQ(made.endpoint, &endpoint_);
  EXPECT_EQ(made.ended, base::Nanos(15s));
  EXPECT_EQ(made.setup, base::Nanos(3s));
  EXPECT_EQ(made.connect, base::Nanos(2s));
  EXPECT_EQ(made.total, base::Nanos(5s));
  EXPECT_EQ(made.bytes, session_.progress.bytes);
  EXPECT_EQ(made.attempts, 2U);
  EXPECT_EQ(made.worker, 7U);
  EXPECT_EQ(made.reason, (EndReason{Actor::kClient, Cause::kEof}));
}

TEST_F(SessionRecordTest, ASessionThatWasNeverRelayedHasNoSetUpTime) {
  const AccessRecord untouched;
  EXPECT_EQ(record().setup, untouched.setup);
  EXPECT_EQ(record().connect, untouched.connect);
}

TEST_F(SessionRecordTest, AnOriginalDestinationIsTheEndpoint) {
  session_.destination = base::parse_address("10.9.9.9:443").value().ip;
  EXPECT_EQ(record().endpoint, nullptr);
  EXPECT_EQ(record().endpoint_address, session_.destination);
}

}  // namespace
}  // namespace proxy
