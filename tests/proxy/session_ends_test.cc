#include "proxy/session_ends.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace proxy {
namespace {

using backends::RelayEnd;

backends::Event done(RelayEnd end, base::Errno error = base::Errno::kNone) {
  return {.kind = backends::EventKind::kRelayDone, .relay_end = end, .error = error, .tag = {}};
}

TEST(SessionEndsTest, AGoodbyeIsWhoseFinCameFirst) {
  Session session;
  session.progress.first_closed = backends::Direction::kToUpstream;
  EXPECT_EQ(reason_of_relay_end(done(RelayEnd::kBothClosed), session),
            (EndReason{Actor::kClient, Cause::kEof}));
  session.progress.first_closed = backends::Direction::kToClient;
  EXPECT_EQ(reason_of_relay_end(done(RelayEnd::kBothClosed), session),
            (EndReason{Actor::kUpstream, Cause::kEof}));
}

TEST(SessionEndsTest, EveryOtherEndNamesItsActor) {
  Session session;
  session.ending = {Actor::kAdmin, Cause::kDrain};
  EXPECT_EQ(reason_of_relay_end(done(RelayEnd::kClientReset), session),
            (EndReason{Actor::kClient, Cause::kReset}));
  EXPECT_EQ(reason_of_relay_end(done(RelayEnd::kUpstreamReset), session),
            (EndReason{Actor::kUpstream, Cause::kReset}));
  EXPECT_EQ(reason_of_relay_end(done(RelayEnd::kAborted), session), session.ending);
  EXPECT_EQ(reason_of_relay_end(done(RelayEnd::kFailed), session),
            (EndReason{Actor::kProxy, Cause::kResource}));
}

TEST(SessionEndsTest, AClientThatUsedNothingLeftByFinOrByReset) {
  const Session session;
  EXPECT_EQ(reason_of_relay_end(done(RelayEnd::kUnused), session),
            (EndReason{Actor::kClient, Cause::kEof}));
  EXPECT_EQ(reason_of_relay_end(done(RelayEnd::kUnused, base::to_errno(ECONNRESET)), session),
            (EndReason{Actor::kClient, Cause::kReset}));
}

TEST(SessionEndsTest, TroubleOfOurOwnIsNotTheUpstreamsFault) {
  EXPECT_EQ(reason_of_failed_connect(Cause::kConnectRefused),
            (EndReason{Actor::kUpstream, Cause::kConnectRefused}));
  EXPECT_EQ(reason_of_failed_connect(Cause::kResource),
            (EndReason{Actor::kProxy, Cause::kResource}));
  EXPECT_TRUE(is_fault_of_endpoint(Cause::kConnectTimeout));
  EXPECT_FALSE(is_fault_of_endpoint(Cause::kInternal));
}

}  // namespace
}  // namespace proxy
