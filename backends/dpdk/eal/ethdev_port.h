// One network port of DPDK's with all its queue pairs: configured, started, stopped. Made and ended
// by main; each worker gets the Device of its own queue. Ports must end before the Buffers of any
// worker: a frame of one port may wait in the send queue of another.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/dpdk/eal/buffers.h"
#include "backends/dpdk/eal/eal.h"
#include "backends/dpdk/eal/ethdev_device.h"
#include "backends/dpdk/toeplitz.h"
#include "base/result.h"

namespace backends::dpdk::eal {

struct PortOptions {
  std::uint16_t receive_slots = 1024;  // Moved into what the driver allows.
  std::uint16_t send_slots = 1024;
  std::uint16_t mtu = 0;  // 0: as it is.
};

class EthdevPort {
 public:
  // One queue pair for each of `buffers`: the workers', in their order. Errors are sentences.
  static base::Parsed<std::unique_ptr<EthdevPort>> open(Eal& eal, const EalPort& port,
                                                        const PortOptions& options,
                                                        std::span<const Buffers* const> buffers);
  ~EthdevPort();
  EthdevPort(const EthdevPort&) = delete;
  EthdevPort& operator=(const EthdevPort&) = delete;

  std::string_view name() const { return port_.name; }
  std::uint16_t queues() const { return static_cast<std::uint16_t>(devices_.size()); }
  EthdevDevice& device(std::uint16_t queue) { return *devices_.at(queue); }

  // What the operator should know, in sentences.
  const std::vector<std::string>& notes() const { return notes_; }

  // How the port spreads segments over its queues. Nothing when it does not say, or does it in a
  // way that cannot be computed: then a reply may come to any queue.
  std::optional<RssSpread> rss() const;

 private:
  struct Setup;

  EthdevPort(EalPort port, std::string driver)
      : port_(std::move(port)), driver_(std::move(driver)) {}
  std::optional<std::string> configure(Eal& eal, Setup& setup);
  std::optional<std::string> set_up_queues(Eal& eal, const Setup& setup);
  std::optional<std::string> start(Eal& eal, const Setup& setup);
  std::string problem(std::string_view what) const;

  EalPort port_;
  std::string driver_;
  std::vector<std::unique_ptr<EthdevDevice>> devices_;
  std::vector<std::string> notes_;
};

}  // namespace backends::dpdk::eal
