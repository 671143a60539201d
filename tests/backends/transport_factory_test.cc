#include "backends/transport_factory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace backends {
namespace {

TEST(TransportFactory, EpollIsAlwaysThereAndUsable) {
  bool found = false;
  for (const EngineInfo& engine : engines()) {
    if (engine.name == "epoll") found = engine.usable;
    EXPECT_EQ(engine.usable, engine.reason.empty()) << engine.name;
  }
  EXPECT_TRUE(found);
}

TEST(TransportFactory, EveryUsableEngineIsMadeByItsName) {
  for (const EngineInfo& engine : engines()) {
    if (engine.needs_ports) continue;  // dpdk/eal/dpdk_factory_test.cc
    const auto factory = make_transport_factory(engine.name);
    ASSERT_EQ(factory.has_value(), engine.usable) << engine.name;
    if (factory) {
      EXPECT_EQ((*factory)->engine(), engine.name);
    }
  }
}

TEST(TransportFactory, AnEngineWithPortsOfItsOwnIsInTheListAndSaysWhatItLacks) {
  const auto all = engines();
  const auto found = std::ranges::find_if(all, &EngineInfo::needs_ports);
  ASSERT_NE(found, all.end());
  const auto factory = make_transport_factory(found->name);  // Without ports.
  ASSERT_FALSE(factory);
  EXPECT_TRUE(factory.error().starts_with("transport " + std::string(found->name) + ": "))
      << factory.error();
}

TEST(TransportFactory, KernelEnginesTakeSocketsOfTheServiceManager) {
  for (const EngineInfo& engine : engines()) {
    if (engine.needs_ports || !engine.usable) continue;
    base::InheritedSockets none;
    EXPECT_TRUE(make_transport_factory(engine.name).value()->adopt(none, 1)) << engine.name;
  }
}

TEST(TransportFactory, AutoIsEpollAndHasNothingToComplainAbout) {
  const auto factory = make_transport_factory("auto");
  ASSERT_TRUE(factory);
  EXPECT_EQ((*factory)->engine(), "epoll");
  EXPECT_TRUE((*factory)->refusals().empty());
}

TEST(TransportFactory, AnUnknownEngineIsNamedTogetherWithTheKnownOnes) {
  const auto factory = make_transport_factory("kqueue");
  ASSERT_FALSE(factory);
  EXPECT_NE(factory.error().find("kqueue"), std::string::npos);
  EXPECT_NE(factory.error().find("epoll"), std::string::npos);
}

}  // namespace
}  // namespace backends
