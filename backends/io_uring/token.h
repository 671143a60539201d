// The 64 bits that a request carries and its completion brings back: what it was for. A late
// completion for something that has gone is recognised by its generation.
#pragma once

#include <cstdint>

#include "base/slab.h"

namespace backends::io_uring {

enum class Op : std::uint8_t {
  kWake,     // The eventfd can be read. Multishot.
  kAccept,   // A client; id is the listener's. Multishot.
  kKnock,    // Clients are in the listener's queue. Multishot.
  kWatch,    // A connection in the worker's hands was connected (once), or came to an end.
  kReady,    // Anything happened to a connection that is served by readiness. Multishot.
  kReceive,  // Bytes of a relayed connection, in a buffer. Multishot.
  kSend,     // Not all could be sent; id.slot is the batch's place. Successes are quiet.
  kCancel,   // Nothing was there to be taken back; id is the connection's. Successes are quiet.
  kCancelAccept,  // The same of a listener's.
  kClose          // Could not be closed, which changes nothing for us.
};

struct Token {
  Op op;
  base::SlotId id;

  std::uint64_t pack() const {
    return (std::uint64_t{id.generation} << 32U) |
           (std::uint64_t{static_cast<std::uint8_t>(op)} << kSlotBits) | id.slot;
  }
  static Token unpack(std::uint64_t word) {
    return {.op = static_cast<Op>((word >> kSlotBits) & 0xfU),
            .id = {.slot = static_cast<std::uint32_t>(word & ((1U << kSlotBits) - 1)),
                   .generation = static_cast<std::uint32_t>(word >> 32U)}};
  }

  static constexpr unsigned kSlotBits = 28;
};

// A request that the kernel holds for a connection (kWatch, kReady, kReceive), as a bit of
// SocketConnection::armed.
constexpr std::uint8_t bit_of(Op op) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(op));
}

}  // namespace backends::io_uring
