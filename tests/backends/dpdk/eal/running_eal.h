// DPDK cannot be started twice in a process, so all tests of an executable use one.
#pragma once

#include <memory>
#include <string>

#include "backends/dpdk/eal/buffers.h"
#include "backends/dpdk/eal/eal.h"
#include "backends/dpdk/eal/ethdev_port.h"

namespace backends::dpdk::eal {

// Without huge pages and cards, with little memory: as anybody may start it.
Eal& running_eal();
// What DPDK has said since the start, at any level.
const std::string& eal_output();

// A name that no test has used: "PREFIX0", "PREFIX1"...
std::string fresh_name(const std::string& prefix);

constexpr std::uint32_t kTestBuffers = 4095;
constexpr std::uint16_t kTestMtu = 1500;
std::unique_ptr<Buffers> test_buffers(std::uint32_t count = kTestBuffers);

// A port that receives what it sends (net_ring), or one that receives empty frames for ever and
// loses what it sends (net_null), with its buffers; the Device of its first queue.
struct TestPort {
  explicit TestPort(const std::string& driver, std::uint32_t buffers_count = kTestBuffers);
  EthdevDevice& device() const { return port->device(0); }

  std::unique_ptr<Buffers> buffers;
  EalPort eal_port;
  std::unique_ptr<EthdevPort> port;
};

}  // namespace backends::dpdk::eal
