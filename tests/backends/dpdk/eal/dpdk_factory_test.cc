// EAL starts once in a process, so each of these runs in a process of its own: a death test that is
// meant to live.
#include "backends/dpdk/eal/dpdk_factory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "base/assert.h"

namespace backends::dpdk::eal {
namespace {

PortSettings one_port(std::string port) {
  PortSettings settings;
  settings.ports = {std::move(port)};
  settings.addresses = {{.ip = base::parse_address("10.9.0.1:0").value().ip,
                         .prefix_bits = 24,
                         .port = 0,
                         .gateway = {}}};
  settings.sessions_max = 1000;
  settings.huge_pages = false;
  return settings;
}

base::Parsed<std::unique_ptr<TransportFactory>> make(const PortSettings& settings) {
  return make_factory(settings, make_transport_factory("epoll").value());
}

class DpdkFactoryDeathTest : public testing::Test {
 protected:
  DpdkFactoryDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

// The statement ends the process: 0 when all was right.
void use_one_worker() {
  auto factory = make(one_port("net_null0")).value();
  CHECK(factory->engine() == "dpdk");
  CHECK(factory->connections_max() >= 2000);
  const auto address =
      factory->claim({.address = base::parse_address("10.9.0.1:0").value(), .tcp = {}}).value();
  auto transport = factory->make({}).value();
  CHECK(transport->name() == "dpdk");
  CHECK(transport->listen({.address = address, .tcp = {}}, {}).has_value());
  static_cast<void>(transport->poll(base::Nanos{0}));
  CHECK(!transport->packet_numbers().empty());
  CHECK(factory->make_kernel({}).value()->name() == "epoll");
  CHECK(!factory->make({}).has_value());  // There is one worker.
  CHECK(!factory->notes().empty());       // No huge pages were wanted.
  transport.reset();
  factory.reset();
  std::exit(0);
}

TEST_F(DpdkFactoryDeathTest, GivesAWorkerItsTransportAndTheMonitorAKernelOne) {
  EXPECT_EXIT(use_one_worker(), testing::ExitedWithCode(0), "");
}

void fail_with(const PortSettings& settings) {
  const auto factory = make(settings);
  if (!factory) std::cerr << factory.error() << '\n';
  std::exit(factory ? 1 : 0);
}

TEST_F(DpdkFactoryDeathTest, SaysWhichPortCannotBeOpened) {
  EXPECT_EXIT(fail_with(one_port("net_nonsense0")), testing::ExitedWithCode(0),
              "transport dpdk: .*net_nonsense0");
}

TEST_F(DpdkFactoryDeathTest, TwoWorkersNeedAPortEachOrOneThatSpreadsInAKnownWay) {
  PortSettings settings = one_port("net_ring0");
  settings.workers = 2;
  EXPECT_EXIT(fail_with(settings), testing::ExitedWithCode(0), "transport dpdk: .*net_ring0");
}

TEST_F(DpdkFactoryDeathTest, AWorkerHasBoundedlyManyPorts) {
  PortSettings settings = one_port("net_null0");
  for (int i = 1; i < 16; ++i) settings.ports.push_back("net_null" + std::to_string(i));
  EXPECT_EXIT(fail_with(settings), testing::ExitedWithCode(0), "would have 16 ports");
}

TEST_F(DpdkFactoryDeathTest, AWorkerWithPortsOfItsOwnNeedsAnAddressThere) {
  PortSettings settings = one_port("net_null0");
  settings.ports.push_back("net_null1");
  settings.workers = 2;
  EXPECT_EXIT(fail_with(settings), testing::ExitedWithCode(0), "worker 1 has the port net_null1");
}

}  // namespace
}  // namespace backends::dpdk::eal
