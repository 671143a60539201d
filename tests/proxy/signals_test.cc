#include "proxy/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <set>

namespace proxy {
namespace {

TEST(Signals, ArriveAsADescriptorAndAStormOfOneIsOne) {
  Signals signals({SIGHUP, SIGQUIT});
  EXPECT_FALSE(signals.take());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  ASSERT_EQ(kill(getpid(), SIGQUIT), 0);
  std::multiset<int> taken;
  while (const auto signal = signals.take()) taken.insert(*signal);
  EXPECT_EQ(taken, (std::multiset<int>{SIGHUP, SIGQUIT}));
}

TEST(Signals, ArriveThoughTheyWereIgnoredBefore) {
  ignore_harmless_signals();
  Signals signals({SIGUSR1});
  ASSERT_EQ(kill(getpid(), SIGUSR1), 0);
  EXPECT_EQ(signals.take(), SIGUSR1);
}

TEST(Signals, ThatWouldKillForNothingAreIgnored) {
  ignore_harmless_signals();
  for (const int number : {SIGPIPE, SIGUSR1, SIGUSR2}) ASSERT_EQ(raise(number), 0);
}

}  // namespace
}  // namespace proxy
