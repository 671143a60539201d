// Clients whose SYN was answered and whose ACK has not come. A cookie alone would do for clients
// that speak first: their data carries the ACK. One that waits for the server hangs when its ACK is
// lost, so as many as fit are kept here and their SYN-ACK is sent again after 1, 3 and 7 seconds
// from the SYN (RFC 6298's doubling). When the table is full the cookie alone has to do.
// Memory is fixed at construction: a few dozen bytes for each. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/dpdk/splice_core/flow_key.h"
#include "backends/dpdk/splice_core/packet.h"
#include "base/time.h"

namespace backends::dpdk::splice_core {

// What it takes to build the SYN-ACK again.
template <typename Ip>
struct HalfOpen {
  FlowKey<Ip> flow;
  std::uint32_t client_isn = 0;
  std::uint32_t cookie = 0;
  Hop hop = kNoHop;
  bool sack = false;          // The client offered it,
  bool window_scale = false;  // and this.
};

template <typename Ip>
class HalfOpenTable {
 public:
  // capacity below 2^30; with 0 everything relies on the cookie.
  HalfOpenTable(std::size_t capacity, const HashSecret& secret);

  // False when it is full. A flow that is there already (the client sent its SYN again) is replaced
  // and its times begin anew.
  bool add(const HalfOpen<Ip>& entry, base::Nanos now);
  // Null when it is not there. Valid until the next call of anything that is not const.
  const HalfOpen<Ip>* find(const FlowKey<Ip>& flow) const;
  // The ACK came, or an RST. False when it was not there.
  bool remove(const FlowKey<Ip>& flow);

  // The next one whose SYN-ACK is due again, or null: it is scheduled anew, or forgotten when this
  // was its last time. Called late, it keeps at least a second between two of the same flow. Valid
  // until the next call of anything here. Call it until it gives null or the caller's bound is
  // reached.
  const HalfOpen<Ip>* next_due(base::Nanos now);

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::size_t kTimes = 3;

  struct Slot {
    HalfOpen<Ip> entry;
    base::Nanos due{};
    std::uint32_t hash = 0;
    std::uint32_t before = kNone;  // In the queue of its stage.
    std::uint32_t after = kNone;   // There, or in the list of free slots.
    std::uint8_t stage = 0;        // How often it was sent again.
  };
  // Everything in a queue waits equally long, so the first one is due first.
  struct Queue {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };

  std::size_t place_of(const FlowKey<Ip>& flow, std::uint32_t hash) const;
  void clear_place(std::size_t place);
  void append(std::uint32_t slot, std::size_t stage, base::Nanos due);
  void unlink(std::uint32_t slot);
  void forget(std::size_t place);

  std::size_t capacity_;
  std::size_t size_ = 0;
  HashSecret secret_;
  std::size_t place_mask_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> places_;  // Open addressing, linear probing: slots or kNone.
  std::uint32_t free_ = kNone;
  std::array<Queue, kTimes> queues_{};
};

extern template class HalfOpenTable<Ip4>;
extern template class HalfOpenTable<Ip6>;

}  // namespace backends::dpdk::splice_core
