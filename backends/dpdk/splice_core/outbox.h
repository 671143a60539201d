// Where the core's own segments go: SYNs, acknowledgements, resets, PROXY headers. Implemented by
// the binding over its device's buffers; segments leave in the order they were asked for, behind
// what receive() has marked before.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/dpdk/splice_core/packet.h"

namespace backends::dpdk::splice_core {

class Outbox {
 public:
  Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;
  virtual ~Outbox() = default;

  // Memory for one IP packet of `size` bytes to `hop`; the caller fills all of it in before it asks
  // for the next. Null when there is no buffer: the segment is lost, as on the network.
  virtual std::byte* segment(std::size_t size, Hop hop) = 0;
};

}  // namespace backends::dpdk::splice_core
