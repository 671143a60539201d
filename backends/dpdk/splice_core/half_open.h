// Clients whose SYN was answered and whose ACK has not come. A cookie alone would do for clients
// that speak first: their data carries the ACK. One that waits for the server hangs when its ACK is
// lost, so as many as fit are kept here and their SYN-ACK is sent again after 1, 3 and 7 seconds
// from the SYN (RFC 6298's doubling). When the table is full the cookie alone has to do.
// Memory is fixed at construction: a few dozen bytes for each. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
  explicit HalfOpenTable(std::size_t capacity, const HashSecret& secret);

  // False when it is full. A flow that is there already (the client sent its SYN again) is replaced
  // and its times begin anew.
  bool add(const HalfOpen<Ip>& entry, base::Nanos now);
  // The ACK came, or an RST. False when it was not there.
  bool remove(const FlowKey<Ip>& flow);

  // The next one whose SYN-ACK is due again, or null: it is scheduled anew, or forgotten when this
  // was its last time. Valid until the next call of anything here. Call it until it gives null or
  // the caller's bound is reached.
  const HalfOpen<Ip>* next_due(base::Nanos now);

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }

 private:
  std::size_t capacity_;
  std::size_t size_ = 0;
  // The implementation's own: an open-addressed table of slots and one FIFO for each delay.
};

extern template class HalfOpenTable<Ip4>;
extern template class HalfOpenTable<Ip6>;

}  // namespace backends::dpdk::splice_core
