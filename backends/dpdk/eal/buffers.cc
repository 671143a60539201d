#include "backends/dpdk/eal/buffers.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <bit>

#include "backends/dpdk/device.h"

namespace backends::dpdk::eal {
namespace {

// Freed and taken again without going through the pool's shared ring.
constexpr std::uint32_t kCachedMax = 256;
// In the worker's own hands: received, and being made.
constexpr std::uint32_t kHeld = 4 * kBurstMax;
// Many drivers take whole multiples of 1 KiB only, and all know this size.
constexpr std::uint32_t kRoomMin = 2048;

}  // namespace

std::uint32_t buffers_needed(std::uint32_t ports, std::uint32_t receive_slots,
                             std::uint32_t send_slots) {
  // A cache holds up to one and a half times its size. The pool is a ring, for which one less than
  // a power of two is the best size (rte_mempool.h).
  const std::uint32_t least = ports * (receive_slots + send_slots) + kHeld + kCachedMax * 3 / 2;
  return std::bit_ceil(least + 1) - 1;
}

base::Parsed<std::unique_ptr<Buffers>> Buffers::make(Eal& eal, const std::string& name,
                                                     std::uint32_t count, std::uint16_t mtu) {
  const std::uint32_t room = std::max(kRoomMin, (frame_bytes_of(mtu) + 1023U) & ~1023U);
  if (room + RTE_PKTMBUF_HEADROOM > UINT16_MAX) {
    return base::failure("an MTU of " + std::to_string(mtu) + " is too large for one buffer");
  }
  // Half of a small pool: a cache must not hold all of it (rte_mempool.h).
  const std::uint32_t cached = std::min(kCachedMax, count / 2);
  eal.forget_errors();
  rte_mempool* const pool = rte_pktmbuf_pool_create(
      name.c_str(), count, cached, 0, static_cast<std::uint16_t>(room + RTE_PKTMBUF_HEADROOM),
      SOCKET_ID_ANY);
  if (pool == nullptr) {
    return base::failure(eal.failure_text("no memory for " + std::to_string(count) +
                                              " frame buffers of " + std::to_string(room) +
                                              " bytes",
                                          rte_errno));
  }
  return std::unique_ptr<Buffers>(new Buffers(pool, room));
}

Buffers::~Buffers() { rte_mempool_free(pool_); }

std::uint32_t Buffers::available() const { return rte_mempool_avail_count(pool_); }

}  // namespace backends::dpdk::eal
