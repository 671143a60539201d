// How the epoll engine hears of clients: listeners stand in the epoll set, level-triggered, and
// accept4(2) takes one client after the other. Also the tokens by which epoll names what is ready.
// Owned by EpollTransport; its worker's thread only.
#pragma once

#include <cstdint>

#include "backends/socket/listeners.h"
#include "backends/transport.h"
#include "base/result.h"
#include "base/slab.h"

namespace backends::epoll {

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

class EpollDoor final : public socket::Door {
 public:
  // stats outlives this.
  EpollDoor(int epoll_fd, TransportStats& stats) : epoll_fd_(epoll_fd), stats_(stats) {}

  bool open(base::SlotId listener, int fd, bool shared, int backlog) override;
  void close(base::SlotId listener, int fd) override;
  base::Result<int> next(base::SlotId listener, int fd) override;

 private:
  void count(Syscall call) { ++stats_.syscalls[static_cast<std::size_t>(call)]; }

  int epoll_fd_;
  TransportStats& stats_;
};

}  // namespace backends::epoll
