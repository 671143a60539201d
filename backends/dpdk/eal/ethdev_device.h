// One queue pair of a port of DPDK's, as a Device. Made by EthdevPort, on main's thread; used by
// one worker, which has a WorkerPlace. Nothing is offloaded: checksums are verified and written by
// who reads the packets, and a frame is one piece of memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "backends/dpdk/device.h"
#include "backends/dpdk/eal/buffers.h"

struct rte_mbuf;

namespace backends::dpdk::eal {

class EthdevDevice final : public Device {
 public:
  struct Identity {
    std::uint16_t port = 0;  // DPDK's number.
    std::uint16_t queue = 0;
    std::string name;
    MacAddress mac{};
    std::uint16_t mtu = 0;
  };

  // The port must be configured; buffers: those its receive queue takes.
  EthdevDevice(Identity identity, const Buffers& buffers);

  std::string_view name() const override { return identity_.name; }
  MacAddress mac() const override { return identity_.mac; }
  std::uint16_t mtu() const override { return identity_.mtu; }
  // Asks the driver, which may ask the card: for timers, not for every burst.
  bool link_up() override;

  // Frames in several pieces are dropped and counted as receive_errors.
  std::size_t receive(std::span<Frame> frames) override;
  // Frames of other devices are taken too, when they are DPDK's.
  void send(std::span<const Frame> frames) override;
  void free(std::span<const Frame> frames) override;
  bool allocate(Frame& frame) override;

  // What the card counts, it counts for the whole port: receive_missed, its part of receive_errors,
  // of send_dropped and of no_buffers (it found none for arriving frames) are in the numbers of
  // queue 0 alone, so that a sum over the queues is right. Asks the driver, as link_up() does.
  const DeviceStats& stats() override;

 private:
  std::size_t keep_whole(std::span<rte_mbuf* const> received, std::span<Frame> frames);
  void send_burst(std::span<const Frame> frames);

  Identity identity_;
  rte_mempool* pool_;
  DeviceStats own_;    // Counted here.
  DeviceStats total_;  // With what the port counts.
};

}  // namespace backends::dpdk::eal
