// When a neighbour is asked for, believed, doubted, given up and forgotten.
#include "backends/dpdk/neighbours.h"

#include <gtest/gtest.h>

#include "tests/backends/dpdk/link_test_device.h"

namespace {

using backends::dpdk::kAskAgain;
using backends::dpdk::kAskPause;
using backends::dpdk::kAskTimes;
using backends::dpdk::kForgetAfter;
using backends::dpdk::kNeighboursMax;
using backends::dpdk::kQuestionsPerTick;
using backends::dpdk::kStationsMax;
using backends::dpdk::kSureFor;
using backends::dpdk::MacAddress;
using backends::dpdk::Neighbours;
using backends::dpdk::Reach;
using backends::dpdk::Stations;
using backends::dpdk::splice_core::Ip4;
using backends::dpdk::splice_core::Ip6;
using backends::dpdk::splice_core::kNoHop;
using base::Nanos;
using tests::dpdk::ip;
using tests::dpdk::kOtherMac;
using tests::dpdk::kRouterMac;

class NeighboursTest : public testing::Test {
 protected:
  struct Question {
    Ip4 wanted;
    std::optional<MacAddress> known;
    friend bool operator==(const Question&, const Question&) = default;
  };

  Question to_all() const { return {gateway_, std::nullopt}; }
  Question to(const MacAddress& mac) const { return {gateway_, mac}; }
  std::vector<Question> asked() { return std::exchange(asked_, {}); }
  Reach reach() { return neighbours_.find(gateway_, now_).reach; }

  void pass(Nanos time) {
    now_ += time;
    neighbours_.tick(now_);
  }
  void answer(const MacAddress& mac, bool overrides = true) {
    neighbours_.heard(gateway_, mac, overrides, now_);
  }
  // Asks until it gives up.
  void fail() {
    ASSERT_EQ(reach(), Reach::kPending);
    for (int count = 0; count < kAskTimes; ++count) pass(kAskAgain);
  }

  const Ip4 gateway_ = ip<Ip4>("10.1.0.1");
  Nanos now_ = std::chrono::hours(1);
  Stations stations_{0, 1};
  std::vector<Question> asked_;
  Neighbours<Ip4> neighbours_{stations_,
                              [this](const Ip4& wanted, const std::optional<MacAddress>& known) {
                                asked_.push_back({wanted, known});
                              }};
};

TEST_F(NeighboursTest, AnUnknownOneIsAskedForOnceHoweverOftenItIsLookedFor) {
  EXPECT_EQ(reach(), Reach::kPending);
  EXPECT_EQ(reach(), Reach::kPending);
  EXPECT_EQ(asked(), std::vector{to_all()});
}

TEST_F(NeighboursTest, AnAnswerMakesItKnown) {
  EXPECT_EQ(reach(), Reach::kPending);
  answer(kRouterMac);
  const auto next = neighbours_.find(gateway_, now_);
  EXPECT_EQ(next.reach, Reach::kKnown);
  EXPECT_EQ(stations_.mac_of(next.hop), kRouterMac);
  EXPECT_EQ(neighbours_.known(), 1U);
}

TEST_F(NeighboursTest, WithoutAnAnswerItIsAskedAgainAndThenUnreachableForAWhile) {
  fail();
  EXPECT_EQ(asked(), std::vector(kAskTimes, to_all()));
  EXPECT_EQ(reach(), Reach::kUnreachable);
  EXPECT_EQ(neighbours_.stats().unanswered, 1U);
  pass(kAskPause - Nanos(1));
  EXPECT_EQ(reach(), Reach::kUnreachable);
  EXPECT_TRUE(asked().empty());
  pass(Nanos(1));
  EXPECT_EQ(reach(), Reach::kPending);
  EXPECT_EQ(asked(), std::vector{to_all()});
}

TEST_F(NeighboursTest, ALateAnswerIsTaken) {
  fail();
  answer(kRouterMac);
  EXPECT_EQ(reach(), Reach::kKnown);
}

TEST_F(NeighboursTest, WhatIsKnownIsConfirmedWithItsStationAndStaysInUseMeanwhile) {
  EXPECT_EQ(reach(), Reach::kPending);
  answer(kRouterMac);
  EXPECT_EQ(asked(), std::vector{to_all()});
  pass(kSureFor - Nanos(1));
  EXPECT_TRUE(asked().empty());
  pass(Nanos(1));
  EXPECT_EQ(asked(), std::vector{to(kRouterMac)});
  EXPECT_EQ(reach(), Reach::kKnown);
  neighbours_.confirmed(gateway_, now_);
  pass(kSureFor - Nanos(1));
  EXPECT_TRUE(asked().empty());
}

TEST_F(NeighboursTest, AStationThatHasGoneSilentIsLookedForEverywhereAndThenGivenUp) {
  EXPECT_EQ(reach(), Reach::kPending);
  answer(kRouterMac);
  asked();
  pass(kSureFor);
  pass(kAskAgain);
  pass(kAskAgain);
  EXPECT_EQ(asked(), std::vector(kAskTimes, to(kRouterMac)));
  EXPECT_EQ(reach(), Reach::kKnown);
  pass(kAskAgain);
  EXPECT_EQ(asked(), std::vector{to_all()});
  EXPECT_EQ(reach(), Reach::kPending);
  for (int count = 0; count < kAskTimes; ++count) pass(kAskAgain);
  EXPECT_EQ(reach(), Reach::kUnreachable);
}

TEST_F(NeighboursTest, OneThatMovesIsFollowed) {
  EXPECT_EQ(reach(), Reach::kPending);
  answer(kRouterMac);
  answer(kOtherMac);
  EXPECT_EQ(stations_.mac_of(neighbours_.find(gateway_, now_).hop), kOtherMac);
  EXPECT_TRUE(neighbours_.any_at(kOtherMac));
  EXPECT_FALSE(neighbours_.any_at(kRouterMac));
}

TEST_F(NeighboursTest, NewsThatDoNotOverrideOnlyRaiseADoubt) {
  EXPECT_EQ(reach(), Reach::kPending);
  answer(kRouterMac);
  asked();
  answer(kOtherMac, false);
  EXPECT_EQ(stations_.mac_of(neighbours_.find(gateway_, now_).hop), kRouterMac);
  pass(Nanos(1));
  EXPECT_EQ(asked(), std::vector{to(kRouterMac)});
}

TEST_F(NeighboursTest, OnlyAKeptOneTellsWhereItWas) {
  EXPECT_EQ(reach(), Reach::kPending);
  EXPECT_EQ(neighbours_.heard(gateway_, kRouterMac, true, now_), std::nullopt);
  EXPECT_EQ(neighbours_.heard(gateway_, kOtherMac, true, now_), std::nullopt);
  neighbours_.keep(gateway_, now_);
  EXPECT_EQ(neighbours_.heard(gateway_, kOtherMac, true, now_), std::nullopt) << "it did not move";
  EXPECT_EQ(neighbours_.heard(gateway_, kRouterMac, true, now_), kOtherMac);
}

TEST_F(NeighboursTest, StrangersLeaveNoTrace) {
  answer(kRouterMac);
  neighbours_.confirmed(gateway_, now_);
  EXPECT_EQ(neighbours_.size(), 0U);
  EXPECT_EQ(stations_.size(), 0U);
}

TEST_F(NeighboursTest, AKeptOneIsAskedForWithoutBeingLookedForAndNeverForgotten) {
  neighbours_.keep(gateway_, now_);
  pass(Nanos(0));
  EXPECT_EQ(asked(), std::vector{to_all()});
  for (int count = 0; count < kAskTimes; ++count) pass(kAskAgain);
  asked();
  pass(kAskPause);
  EXPECT_EQ(asked(), std::vector{to_all()}) << "and asked for again after every pause";
  answer(kRouterMac);
  pass(kForgetAfter * 2);
  EXPECT_EQ(neighbours_.size(), 1U);
}

TEST_F(NeighboursTest, OneThatNobodyLooksForIsForgotten) {
  EXPECT_EQ(reach(), Reach::kPending);
  answer(kRouterMac);
  pass(kForgetAfter);
  EXPECT_EQ(neighbours_.size(), 1U);
  pass(Nanos(1));
  EXPECT_EQ(neighbours_.size(), 0U);
}

TEST_F(NeighboursTest, AfterALinkWasDownEverythingIsAskedAnewAndStaysInUse) {
  EXPECT_EQ(reach(), Reach::kPending);
  answer(kRouterMac);
  asked();
  neighbours_.doubt_all(now_);
  EXPECT_EQ(reach(), Reach::kKnown);
  pass(Nanos(0));
  EXPECT_EQ(asked(), std::vector{to(kRouterMac)});
}

TEST_F(NeighboursTest, ManyAreNotAskedAtOnceButAllAreInTheEnd) {
  const auto count = static_cast<std::uint32_t>(kQuestionsPerTick * 3);
  for (std::uint32_t number = 0; number < count; ++number) neighbours_.keep(Ip4{number + 1}, now_);
  for (int tick = 0; tick < 3; ++tick) {
    pass(std::chrono::milliseconds(100));
    EXPECT_EQ(asked().size(), static_cast<std::size_t>(kQuestionsPerTick));
  }
  pass(std::chrono::milliseconds(100));
  EXPECT_TRUE(asked().empty());
}

TEST_F(NeighboursTest, ThereIsRoomForSoManyAndTheNextIsCounted) {
  for (std::uint32_t number = 0; number < kNeighboursMax; ++number) {
    EXPECT_EQ(neighbours_.find(Ip4{number + 1}, now_).reach, Reach::kPending);
  }
  EXPECT_EQ(reach(), Reach::kUnreachable);
  EXPECT_EQ(neighbours_.size(), kNeighboursMax);
  EXPECT_EQ(neighbours_.stats().no_room, 1U);
}

TEST_F(NeighboursTest, WithoutRoomForItsStationItStaysUnknown) {
  for (std::size_t number = 0; number < kStationsMax; ++number) {
    stations_.learn(
        {4, 0, 0, 0, static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)});
  }
  EXPECT_EQ(reach(), Reach::kPending);
  answer(kRouterMac);
  EXPECT_EQ(neighbours_.find(gateway_, now_).hop, kNoHop);
  EXPECT_EQ(reach(), Reach::kPending);
  EXPECT_EQ(neighbours_.stats().no_room, 1U);
}

TEST(Neighbours, Ip6AddressesAreToldApartByBothHalves) {
  Stations stations(0, 1);
  int asked = 0;
  Neighbours<Ip6> neighbours(stations, [&asked](const auto&, const auto&) { ++asked; });
  neighbours.find(ip<Ip6>("2001:db8::1"), Nanos(0));
  neighbours.find(ip<Ip6>("2001:db9::1"), Nanos(0));
  neighbours.find(ip<Ip6>("2001:db8::2"), Nanos(0));
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(neighbours.size(), 3U);
}

}  // namespace
