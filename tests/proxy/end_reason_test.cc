#include "proxy/end_reason.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace {

using proxy::Actor;
using proxy::Cause;

TEST(EndReason, EveryActorAndCauseHasAWordOfItsOwn) {
  std::set<std::string_view> words;
  for (int i = 0; i < static_cast<int>(Actor::kCount); ++i) {
    EXPECT_TRUE(words.insert(proxy::name(static_cast<Actor>(i))).second);
  }
  for (int i = 0; i < static_cast<int>(Cause::kCount); ++i) {
    EXPECT_TRUE(words.insert(proxy::name(static_cast<Cause>(i))).second);
  }
  EXPECT_EQ(words.size(), 24U);
}

TEST(EndReason, UsesTheWordsThatAreDocumented) {
  const std::set<std::string_view> documented = {"eof",
                                                 "reset",
                                                 "idle",
                                                 "lifetime",
                                                 "half_close_timeout",
                                                 "first_bytes_timeout",
                                                 "connect_refused",
                                                 "connect_timeout",
                                                 "connect_unreachable",
                                                 "no_endpoint",
                                                 "queue_full",
                                                 "queue_timeout",
                                                 "limit",
                                                 "denied",
                                                 "bad_proxy_header",
                                                 "bad_client_hello",
                                                 "drain",
                                                 "removed",
                                                 "resource",
                                                 "internal"};
  std::set<std::string_view> words;
  for (int i = 0; i < static_cast<int>(Cause::kCount); ++i) {
    words.insert(proxy::name(static_cast<Cause>(i)));
  }
  EXPECT_EQ(words, documented);
  EXPECT_EQ(proxy::name(Actor::kUpstream), "upstream");
}

TEST(EndReason, TellsARefusalFromSilenceFromNoWayThere) {
  const auto cause = [](int error) { return proxy::cause_of_connect_error(base::to_errno(error)); };
  EXPECT_EQ(cause(ECONNREFUSED), Cause::kConnectRefused);
  EXPECT_EQ(cause(ECONNRESET), Cause::kConnectRefused);
  EXPECT_EQ(cause(EAGAIN), Cause::kConnectRefused);
  EXPECT_EQ(cause(ETIMEDOUT), Cause::kConnectTimeout);
  EXPECT_EQ(cause(EHOSTUNREACH), Cause::kConnectUnreachable);
  EXPECT_EQ(cause(ENETUNREACH), Cause::kConnectUnreachable);
  EXPECT_EQ(cause(ENOENT), Cause::kConnectUnreachable);
}

TEST(EndReason, DoesNotBlameTheUpstreamForWhatRanOutHere) {
  for (const int error : {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL}) {
    EXPECT_EQ(proxy::cause_of_connect_error(base::to_errno(error)), Cause::kResource);
  }
  EXPECT_EQ(proxy::cause_of_connect_error(base::to_errno(EBADF)), Cause::kInternal);
}

}  // namespace
