// One TCP (or UNIX) connection of a kernel engine, and the public ids of such things. Owned by
// SocketTransport's slab; its worker's thread only.
#pragma once

#include <poll.h>

#include <cerrno>
#include <cstdint>

#include "backends/transport.h"
#include "base/errno.h"
#include "base/slab.h"

namespace backends::socket {

// What the kernel says of a socket: POLLIN and the others of man 2 poll, whoever brings them.
using Readiness = std::uint32_t;
inline constexpr Readiness kCanRead = POLLIN;
inline constexpr Readiness kCanWrite = POLLOUT;
inline constexpr Readiness kUrgent = POLLPRI;
inline constexpr Readiness kHungUp = POLLHUP;
inline constexpr Readiness kHasError = POLLERR;
inline constexpr Readiness kSaidEnd = POLLRDHUP;
inline constexpr Readiness kEndings = kSaidEnd | kHungUp | kHasError;

struct SocketConnection {
  enum class State : std::uint8_t {
    kConnecting,  // kConnected is still to come.
    kOpen,        // In the worker's hands.
    kRelayed,     // In a relay.
    kClosing      // Closed for everybody; the engine still waits for the kernel to let it go.
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

  // Readiness, remembered: set by events, cleared by EAGAIN and by short counts.
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
  bool doubted = false;       // The engine's: it is to be asked whether it was reset.

  // The engine's own marks: requests that the kernel holds for this connection, and those of them
  // that are being taken back.
  std::uint8_t armed = 0;
  std::uint8_t cancelling = 0;

  void note(Readiness events) {
    if ((events & kCanWrite) != 0) writable = true;
    if ((events & kCanRead) != 0) readable = true;
    if ((events & (kEndings | kUrgent)) == 0) return;
    readable = read_to_end = true;
    if ((events & kUrgent) != 0) urgent = true;
    if ((events & (kHungUp | kHasError)) != 0) writable = true;
  }

  // Notes the first loss. EPIPE: reset after its FIN, or the second to ask.
  void lose(base::Errno error) {
    if (lost != base::Errno::kNone) return;
    lost = error == base::to_errno(EPIPE) ? base::to_errno(ECONNRESET) : error;
  }
};
static_assert(sizeof(SocketConnection) <= 48);

// The public ids are a slot and a generation.
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

}  // namespace backends::socket
