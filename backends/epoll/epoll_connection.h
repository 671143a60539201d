// One TCP (or UNIX) connection of the epoll engine, and the names by which the kernel and the
// worker call it. Owned by EpollTransport's slab; its worker's thread only.
#pragma once

#include <cerrno>
#include <cstdint>
#include <utility>

#include "backends/transport.h"
#include "base/errno.h"
#include "base/slab.h"

namespace backends::epoll {

struct EpollConnection {
  enum class State : std::uint8_t {
    kConnecting,  // kConnected is still to come.
    kOpen,        // In the worker's hands.
    kRelayed      // In a relay.
  };

  int fd = -1;
  // Not kNone: the connection was reset (or timed out), with this errno. The kernel tells it once
  // and then reads look like FIN, so it is written down here.
  base::Errno lost = base::Errno::kNone;
  base::SlotId relay;  // kRelayed only.
  Tag tag;
  State state = State::kOpen;
  std::uint8_t side = 0;  // kRelayed only: 0 the client's, 1 the upstream's.
  base::Family family = base::Family::kNone;

  // Edge-triggered readiness, remembered: set by events, cleared by EAGAIN and by short counts.
  bool readable = false;
  bool writable = true;
  // A short read may have more behind it: FIN, RST or an urgent mark was seen, or a UNIX socket,
  // which ends a read where descriptors were attached. Such a socket is read until EAGAIN.
  bool read_to_end = false;
  bool urgent = false;  // An urgent mark was seen: splice(2) cannot pass one, recv(2) can.

  bool is_client = false;     // Counts towards clients_max.
  bool maybe_itself = false;  // Connecting to an ephemeral port.
  bool close_told = false;    // kPeerClosed{kNone} was delivered,
  bool reset_told = false;    // kPeerClosed{errno} too.
  bool exchanges = false;     // It is in the table of exchanges.
  bool returned = false;      // By a relay of this poll: its events belong to the next batch.

  // Notes the first loss. EPIPE: reset after its FIN, or the second to ask.
  void lose(base::Errno error) {
    if (lost != base::Errno::kNone) return;
    lost = error == base::to_errno(EPIPE) ? base::to_errno(ECONNRESET) : error;
  }
};
static_assert(sizeof(EpollConnection) <= 48);

// What epoll_event.data.u64 holds: generation, kind and slot. A late event for something that has
// gone is recognised by its generation.
struct Token {
  enum class Kind : std::uint8_t { kConnection, kListener, kWake };

  Kind kind;
  base::SlotId id;

  std::uint64_t pack() const {
    return (std::uint64_t{id.generation} << 32U) |
           (std::uint64_t{static_cast<std::uint8_t>(kind)} << kSlotBits) | id.slot;
  }
  static Token unpack(std::uint64_t word) {
    return {.kind = static_cast<Kind>((word >> kSlotBits) & 3U),
            .id = {.slot = static_cast<std::uint32_t>(word & ((1U << kSlotBits) - 1)),
                   .generation = static_cast<std::uint32_t>(word >> 32U)}};
  }

  static constexpr unsigned kSlotBits = 30;
};

// The public ids are a slot and a generation too.
template <typename Id>
Id to_id(base::SlotId id) {
  return static_cast<Id>((std::uint64_t{id.generation} << 32U) | id.slot);
}
template <typename Id>
base::SlotId to_slot(Id id) {
  const auto word = static_cast<std::uint64_t>(id);
  return {.slot = static_cast<std::uint32_t>(word),
          .generation = static_cast<std::uint32_t>(word >> 32U)};
}

}  // namespace backends::epoll
