// How the io_uring engine hears of clients: one multishot accept for each listener, whose
// completions are the clients. The kernel brings as many as there are, so they wait here for their
// turn: a burst of the worker is bounded. Owned by UringTransport; its worker's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/io_uring/ring.h"
#include "backends/socket/listeners.h"
#include "backends/transport.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/slab.h"

namespace backends::io_uring {

class UringDoor final : public socket::Door {
 public:
  // Both outlive this.
  UringDoor(Ring& ring, TransportStats& stats) : ring_(ring), stats_(stats) {}
  ~UringDoor() override;

  bool open(base::SlotId listener, int fd, base::Family family) override;
  void close(base::SlotId listener, int fd) override;
  base::Result<int> next(base::SlotId listener, int fd) override;

  // A completion of an accept: a descriptor or a negated errno. More: the accept goes on.
  void on_accept(base::SlotId listener, int result, bool more);
  // Open doors behind which somebody waits, each once. Each is to have a burst, and then
  // after_burst().
  std::span<const base::SlotId> waiting();
  bool has_waiting() const { return !waiting_.empty(); }
  // Remembers who is left for the next burst, or asks the kernel again when its accept has ended.
  void after_burst(base::SlotId listener);
  // Accepts that the kernel holds now.
  std::size_t armed() const { return armed_; }
  // For the end of the transport: takes back every accept.
  void close_all();

 private:
  struct Gate {
    std::uint32_t generation = 0;
    int fd = -1;
    bool open = false;
    bool armed = false;        // The kernel has an accept,
    bool cancelling = false;   // which is being taken back.
    bool waiting = false;      // On the list.
    std::size_t served = 0;    // Of arrived.
    std::vector<int> arrived;  // Descriptors, and negated errnos.
  };

  Gate& gate_of(base::SlotId listener);
  void arm(base::SlotId listener, Gate& gate);
  void queue(base::SlotId listener, Gate& gate);
  void cancel(base::SlotId listener, Gate& gate);

  Ring& ring_;
  TransportStats& stats_;
  std::vector<Gate> gates_;  // By slot.
  std::vector<base::SlotId> waiting_;
  std::vector<base::SlotId> served_;  // What waiting() gave out.
  std::size_t armed_ = 0;
};

}  // namespace backends::io_uring
