// Stations by number.
#include "backends/dpdk/stations.h"

#include <gtest/gtest.h>

#include <set>

namespace {

using backends::dpdk::kPortsMax;
using backends::dpdk::kStationsMax;
using backends::dpdk::MacAddress;
using backends::dpdk::port_of;
using backends::dpdk::Stations;
using backends::dpdk::splice_core::Hop;
using backends::dpdk::splice_core::kNoHop;

MacAddress mac(unsigned number) {
  return {2, 0, 0, 0, static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
}

TEST(Stations, AStationKeepsItsHop) {
  Stations stations(3, 1);
  EXPECT_EQ(stations.find(mac(1)), kNoHop);
  const Hop first = stations.learn(mac(1));
  const Hop second = stations.learn(mac(2));
  EXPECT_NE(first, second);
  EXPECT_EQ(stations.learn(mac(1)), first);
  EXPECT_EQ(stations.find(mac(2)), second);
  EXPECT_EQ(stations.mac_of(first), mac(1));
  EXPECT_EQ(stations.size(), 2U);
}

TEST(Stations, TheHopNamesThePort) {
  Stations low(0, 1);
  Stations high(kPortsMax - 1, 1);
  EXPECT_EQ(port_of(low.learn(mac(1))), 0);
  EXPECT_EQ(port_of(high.learn(mac(1))), kPortsMax - 1);
}

TEST(Stations, AFullTableRefusesNewOnesAndKeepsTheOld) {
  Stations stations(kPortsMax - 1, 7);
  std::set<Hop> hops;
  for (unsigned number = 0; number < kStationsMax; ++number)
    hops.insert(stations.learn(mac(number)));
  EXPECT_EQ(hops.size(), kStationsMax);
  EXPECT_FALSE(hops.contains(kNoHop));
  EXPECT_EQ(stations.learn(mac(kStationsMax)), kNoHop);
  for (unsigned number = 0; number < kStationsMax; ++number) {
    EXPECT_EQ(stations.mac_of(stations.find(mac(number))), mac(number));
  }
}

TEST(Stations, AfterAMoveTheOldHopLeadsToTheNewAddress) {
  Stations stations(0, 1);
  const Hop old_router = stations.learn(mac(1));
  const Hop other = stations.learn(mac(2));
  stations.move(mac(1), mac(9));
  EXPECT_EQ(stations.mac_of(old_router), mac(9));
  EXPECT_EQ(stations.find(mac(9)), old_router);
  EXPECT_EQ(stations.find(mac(1)), kNoHop);
  EXPECT_EQ(stations.find(mac(2)), other);
  EXPECT_NE(stations.learn(mac(1)), old_router) << "the old station is another one now";
}

TEST(Stations, AMoveToAKnownStationLeavesBothHopsValid) {
  Stations stations(0, 1);
  const Hop first = stations.learn(mac(1));
  const Hop second = stations.learn(mac(2));
  stations.move(mac(1), mac(2));
  EXPECT_EQ(stations.mac_of(first), mac(2));
  EXPECT_EQ(stations.mac_of(second), mac(2));
  stations.move(mac(2), mac(3));
  EXPECT_EQ(stations.mac_of(first), mac(3));
  EXPECT_EQ(stations.mac_of(second), mac(3));
}

TEST(StationsDeathTest, AHopOfAnotherPortOrOfNobodyIsAProgrammersError) {
  Stations stations(0, 1);
  Stations other(1, 1);
  const Hop hop = other.learn(mac(1));
  EXPECT_DEATH(stations.mac_of(hop), "port_of");
  EXPECT_DEATH(stations.mac_of(0), "number");
  EXPECT_DEATH(Stations(kPortsMax, 1), "port");
}

}  // namespace
