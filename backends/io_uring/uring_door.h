// How the io_uring engine hears of clients: one multishot accept for each listener, whose
// completions are the clients. The kernel brings as many as there are, so they wait here for their
// turn: a burst of the worker is bounded. They have descriptors by then, so this is done only while
// there is room for all that the queues can hold; with less of it listeners are polled, and
// accept4(2) takes one client after the other. So is a queue that several workers share: a
// multishot accept stays first among those who wait, and the kernel wakes only the first (measured:
// 400 of 400 clients for one of two workers). Owned by UringTransport; its worker's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/io_uring/ring.h"
#include "backends/io_uring/token.h"
#include "backends/socket/listeners.h"
#include "backends/transport.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/slab.h"

namespace backends::io_uring {

class UringDoor final : public socket::Door {
 public:
  // Both outlive this. room: as set_room(), for a start.
  UringDoor(Ring& ring, TransportStats& stats, std::size_t room)
      : ring_(ring), stats_(stats), room_(room) {}
  ~UringDoor() override;

  bool open(base::SlotId listener, int fd, bool shared, int backlog) override;
  void close(base::SlotId listener, int fd) override;
  base::Result<int> next(base::SlotId listener, int fd) override;

  // So many clients may be taken in at the moment.
  void set_room(std::size_t room);
  // A completion of an accept: a descriptor or a negated errno. More: the accept goes on.
  void on_accept(base::SlotId listener, int result, bool more);
  // A completion of a poll: what man 2 poll says, or a negated errno.
  void on_knock(base::SlotId listener, int result, bool more);
  // A request that was to be taken back was not found, because it was just running.
  void on_failed_cancel(base::SlotId listener);
  // Open doors behind which somebody waits, each once. Each is to have a burst, and then
  // after_burst().
  std::span<const base::SlotId> waiting();
  bool has_waiting() const { return !waiting_.empty(); }
  // Remembers who is left for the next burst, or asks the kernel again when its accept has ended.
  void after_burst(base::SlotId listener);
  // Accepts and polls that the kernel holds now.
  std::size_t armed() const { return armed_; }
  // For the end of the transport: takes back all of them.
  void close_all();

 private:
  // A request that the kernel holds for a listener.
  struct Request {
    bool armed = false;
    bool cancelling = false;  // It is being taken back.
  };
  struct Gate {
    std::uint32_t generation = 0;
    int fd = -1;
    std::size_t backlog = 0;
    bool open = false;
    bool shared = false;   // Other workers take clients out of the same queue.
    bool waiting = false;  // On the list.
    bool knocked = false;  // The queue was not empty when it was last looked at.
    Request accept;
    Request poll;
    std::size_t served = 0;    // Of arrived.
    std::vector<int> arrived;  // Descriptors, and negated errnos.
  };

  Gate& gate_of(base::SlotId listener);
  // Null: the listener has gone.
  Gate* find(base::SlotId listener);
  base::SlotId id_of(std::size_t slot) const;
  // Whether clients are accepted by the kernel or called for here.
  void decide();
  // Sees to it that the kernel has the request that is right now, and not the other.
  void arrange(base::SlotId listener, Gate& gate);
  void arm(Op op, base::SlotId listener, Gate& gate);
  void cancel(Op op, base::SlotId listener, Request& request);
  void ended(Request& request);
  void queue(base::SlotId listener, Gate& gate);
  base::Result<int> take(Gate& gate, int fd);

  Ring& ring_;
  TransportStats& stats_;
  std::vector<Gate> gates_;  // By slot.
  std::vector<base::SlotId> waiting_;
  std::vector<base::SlotId> served_;  // What waiting() gave out.
  std::size_t armed_ = 0;
  std::size_t backlogs_ = 0;  // Of all open doors.
  std::size_t room_;
  bool plenty_ = true;  // There is room for as many.
};

}  // namespace backends::io_uring
