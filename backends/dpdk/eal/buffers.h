// The memory of one worker's frames, for all of its ports: a frame that one port received may be
// sent by another one, so the buffers must outlive the ports, and belong to none of them. Made by
// main, used by the worker and its devices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "backends/dpdk/eal/eal.h"
#include "base/result.h"

struct rte_mempool;

namespace backends::dpdk::eal {

// Bytes of a frame with an IP packet of `mtu`: Ethernet header, two VLAN tags, frame check
// sequence.
constexpr std::uint32_t frame_bytes_of(std::uint16_t mtu) { return mtu + 14U + 2 * 4U + 4U; }

// How many a worker needs, so that every slot of its queues can hold one, and it itself some
// bursts.
std::uint32_t buffers_needed(std::uint32_t ports, std::uint32_t receive_slots,
                             std::uint32_t send_slots);

class Buffers {
 public:
  // name: unique among all that live, at most 20 characters. Errors are sentences.
  static base::Parsed<std::unique_ptr<Buffers>> make(Eal& eal, const std::string& name,
                                                     std::uint32_t count, std::uint16_t mtu);
  // No port that used them may be left.
  ~Buffers();
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;

  // Bytes a frame may have in one of them.
  std::uint32_t room() const { return room_; }
  // Neither with a device nor with the worker. Walks over caches: for metrics and tests.
  std::uint32_t available() const;
  rte_mempool* native() const { return pool_; }

 private:
  Buffers(rte_mempool* pool, std::uint32_t room) : pool_(pool), room_(room) {}
  rte_mempool* pool_;
  std::uint32_t room_;
};

}  // namespace backends::dpdk::eal
