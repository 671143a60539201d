#include "proxy/session_timeouts.h"

#include <gtest/gtest.h>

#include <chrono>

namespace proxy {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using base::Nanos;

// Accepted at 100 s, last active at 110 s.
class SessionTimeoutsTest : public testing::Test {
 protected:
  SessionTimeoutsTest() {
    session_.rules = &rules_;
    rules_.timeouts.idle = Nanos{0};
    rules_.timeouts.half_close = Nanos{0};
    session_.accepted_at = 100s;
    session_.progress.last_active = 110s;
  }
  SessionRules rules_;
  Session session_;
};

TEST_F(SessionTimeoutsTest, WithoutTimeoutsASessionIsNeverDue) {
  EXPECT_EQ(relay_deadline(session_, 200s), base::kForever);
  EXPECT_FALSE(relay_expired(session_, 1000h).has_value());
  EXPECT_FALSE(lifetime_over(session_, 1000h));
}

TEST_F(SessionTimeoutsTest, IdleCountsFromTheLastPayload) {
  rules_.timeouts.idle = 5s;
  EXPECT_EQ(relay_deadline(session_, 112s), 115s);
  EXPECT_FALSE(relay_expired(session_, 114s).has_value());
  EXPECT_EQ(relay_expired(session_, 115s), (EndReason{Actor::kProxy, Cause::kIdle}));
}

TEST_F(SessionTimeoutsTest, HalfCloseCountsFromTheLaterOfFinAndPayload) {
  rules_.timeouts.half_close = 5s;
  EXPECT_EQ(relay_deadline(session_, 112s), 117s);  // Looks again, for no event tells of the FIN.
  EXPECT_FALSE(relay_expired(session_, 1000s).has_value());
  session_.progress.half_closed = 111s;
  EXPECT_EQ(relay_deadline(session_, 112s), 116s);
  session_.progress.last_active = 113s;
  EXPECT_EQ(relay_deadline(session_, 114s), 118s);
  EXPECT_FALSE(relay_expired(session_, 117s).has_value());
  EXPECT_EQ(relay_expired(session_, 118s), (EndReason{Actor::kProxy, Cause::kHalfCloseTimeout}));
}

TEST_F(SessionTimeoutsTest, TheLifetimeEndsASessionWhateverMovesAndCutsAWaitShort) {
  EXPECT_EQ(deadline_within_lifetime(session_, 101s, 9s), 110s);
  rules_.timeouts.lifetime = 8s;
  EXPECT_EQ(deadline_within_lifetime(session_, 101s, 9s), 108s);
  EXPECT_EQ(relay_deadline(session_, 101s), 108s);
  EXPECT_FALSE(lifetime_over(session_, 107s));
  EXPECT_TRUE(lifetime_over(session_, 108s));
  EXPECT_EQ(relay_expired(session_, 108s), (EndReason{Actor::kProxy, Cause::kLifetime}));
}

}  // namespace
}  // namespace proxy
